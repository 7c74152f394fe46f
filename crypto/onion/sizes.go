package onion

// Sizes in bytes.
const (
	KeySize     = 1216 // an encoded public onion key
	CreateSize  = 2466 // a handshake's first message
	CreatedSize = 1216 // a handshake's answer
	ExtSize     = 64   // sealed data of the originator, carried by the first message
	AnswerSize  = 48   // sealed data of the relay, carried by the answer
	BodySize    = 2104 // what a cell carries beside its link header: one block of the wide-block cipher
)
