package node_test

import (
	"encoding/binary"
	"fmt"

	"nightjar/crypto/onion"
	"nightjar/keys"
)

// shapes is everything that launch nodes see of o's circuits, without what was asked for.
func (w *world) shapes(o *memory) map[string]bool {
	all := map[string]bool{}
	for _, m := range w.all {
		for _, p := range m.passages {
			if p.origin == o && p.depth == 3 {
				p.shape(all)
			}
		}
	}
	return all
}

// shape adds the shapes of one passage.
func (p *passage) shape(all map[string]bool) {
	second := p.frames[1][cellBody:]
	all[fmt.Sprintf("create %x, then %d, sealed %d", p.create[:2], sum(second[onion.CreateSize-onion.BodySize:]), sum(p.ext))] = true
	index := uint32(0)
	for _, b := range p.heard {
		c := openCell(b)
		for _, e := range c.entries() {
			// 33 bytes of id, of which the first is its kind; rotation, class, index, and zeros
			all[fmt.Sprintf("entry %d of class %d, rotation below 4 is %v, in order is %v, then %d", e[0], e[34], e[33] < keys.Rotations,
				binary.BigEndian.Uint32(e[35:]) == index, sum(e[39:]))] = true
			index++
		}
		size := fmt.Sprint(c.n)
		if c.cmd == cellGet {
			size = fmt.Sprintf("%d more than entries", c.n%entrySize)
		}
		request := c.req != 0
		if c.cmd == cellPut {
			request = c.req != index-1
		}
		if c.cmd != cellEnd { // it says that something took too long
			all[fmt.Sprintf("command %d, flags %d, length %s, request is odd: %v, then %d", c.cmd, c.flags, size, request, sum(c.rest()))] = true
		}
	}
}

// sum is zero if all bytes are.
func sum(b []byte) (n int) {
	for _, x := range b {
		n += int(x)
	}
	return n
}

// differences reports what launch nodes see of one originator and not of another.
func (w *world) differences(originators []*memory) breaches {
	found := breaches{}
	for _, a := range originators {
		for _, b := range originators {
			other := w.shapes(b)
			for s := range w.shapes(a) {
				if !other[s] {
					found.add(breachDiffers, a, "and not %d: %s", b.index, s)
				}
			}
		}
	}
	return found
}
