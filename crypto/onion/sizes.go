package onion

// Sizes in bytes.
const (
	KeySize     = 1216 // an encoded public onion key
	CreateSize  = 2466 // a handshake's first message
	CreatedSize = 1216 // a handshake's answer
	ExtSize     = 64   // sealed data of the caller, carried by each of both
	BodySize    = 2104 // what a cell carries beside its link header: one block of the wide-block cipher
)
