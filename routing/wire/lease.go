package wire

import "nightjar/keys"

// Lease says that the sender wants the record ID pushed when it appears at the receiver, and soon (routing says how soon).
type Lease struct {
	Own      bool // for what the receiver itself comes to keep: it does not pass the lease on
	Rotation uint8
	ID       keys.ID // of a record
}

// Push brings a record for which the receiver has left a lease.
type Push struct{ Block keys.Block }

func (Lease) message() {}
func (Push) message()  {}

func appendLease(b []byte, m Lease) []byte {
	own := byte(0)
	if m.Own {
		own = 1
	}
	return m.ID.Append(append(b, typeLease, own, m.Rotation))
}

func parseLease(b []byte) (Message, error) {
	if len(b) != sizeLease || b[1] > 1 || b[2] >= keys.Rotations {
		return nil, ErrMalformed
	}
	id, _, err := keys.ParseID(b[3:])
	if err != nil || id.Kind != keys.KindRecord {
		return nil, ErrMalformed
	}
	return Lease{Own: b[1] == 1, Rotation: b[2], ID: id}, nil
}

// parsePush verifies the record, as parseData does a block.
func parsePush(b []byte) (Message, error) {
	if len(b) < sizePush {
		return nil, ErrMalformed
	}
	id, _, err := keys.ParseID(b[1:sizePush])
	if err != nil || id.Kind != keys.KindRecord || !fits(id.Kind, len(b)-sizePush) {
		return nil, ErrMalformed
	}
	block, err := keys.Verify(id, b[sizePush:len(b):len(b)])
	if err != nil {
		return nil, &BadBlockError{Put: true}
	}
	return Push{Block: block}, nil
}
