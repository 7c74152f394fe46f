package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"nightjar/keys"
)

// leaseRecord is a record whose keys and nonces are drawn from ones, so that it is always the same.
func leaseRecord() keys.Block {
	ones := bytes.NewReader(bytes.Repeat([]byte{1}, 1<<10))
	u, err := keys.NewAuthor(ones)
	if err != nil {
		panic(err)
	}
	a, err := u.Author()
	if err != nil {
		panic(err)
	}
	b, err := a.Seal("site-7", keys.Record{Version: 1, Payload: []byte("edition 7")}, ones)
	if err != nil {
		panic(err)
	}
	return b
}

// leaseVectors are those of §4.7.
func leaseVectors() []vector {
	name, b := hex.EncodeToString(name1), leaseRecord()
	id := b.ID()
	push := cat(0x17, 2, id.Name[:])
	lease := cat(0x16, 0, 3, 2, name1)
	forged := bytes.Clone(b.Data())
	forged[len(forged)-1] ^= 1
	out := []vector{
		{name: "lease", comment: "§4.7", expect: "ok", is: "Lease own false rotation 3 " + name, raw: lease},
		{name: "lease-own", comment: "§4.7: not to be passed on", expect: "ok", is: "Lease own true rotation 0 " + name, raw: cat(0x16, 1, 0, 2, name1)},
		{name: "push", comment: "§4.7", expect: "ok", is: fmt.Sprintf("Push %x", id.Name[:]), raw: cat(push, b.Data())},
		{name: "push-forged", comment: "§8: a bit of the record is another", expect: "bad block", raw: cat(push, forged)},
		{name: "push-of-another", comment: "§8: the record of another key", expect: "bad block", raw: cat(0x17, 2, name1, b.Data())},
		{name: "push-short", comment: "§8: a byte of the record is missing", expect: "bad block", raw: cat(push, b.Data()[:len(b.Data())-1])},
	}
	for _, v := range []vector{
		{name: "lease-short", comment: "§8.2", raw: lease[:len(lease)-1]},
		{name: "lease-long", comment: "§8.2", raw: cat(lease, 0)},
		{name: "lease-two", comment: "§8.12: neither passed on nor not", raw: cat(0x16, 2, 3, 2, name1)},
		{name: "lease-rotation", comment: "§8.3", raw: cat(0x16, 0, 4, 2, name1)},
		{name: "lease-data", comment: "§8.12: a data block never appears late under a name that is known", raw: cat(0x16, 0, 3, 1, name1)},
		{name: "lease-kind", comment: "§8.3", raw: cat(0x16, 0, 3, 0, name1)},
		{name: "push-none", comment: "§8.2", raw: push},
		{name: "push-no-name", comment: "§8.2", raw: push[:33]},
		{name: "push-long", comment: "§8.2: more than a record has", raw: push, fill: keys.MaxRecordSize + 1},
	} {
		v.expect = "malformed"
		out = append(out, v)
	}
	out = append(out, vector{name: "push-data", comment: "§8.12: no record", expect: "malformed", raw: cat(0x17, 1, zeroName()), fill: keys.DataSize})
	for i := range out {
		out[i].name = "lease/" + out[i].name
	}
	return out
}

func spellLease(m Message) string {
	switch m := m.(type) {
	case Lease:
		return fmt.Sprintf("Lease own %t rotation %d %x", m.Own, m.Rotation, m.ID.Name[:])
	case Push:
		return fmt.Sprintf("Push %x", nameOf(m.Block.ID().Name))
	}
	return fmt.Sprintf("%T", m)
}
