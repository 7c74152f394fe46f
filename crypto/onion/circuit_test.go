package onion

import (
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Circuits of three hops, without a network: what each hop opens when somebody on the way does what he likes. Links are numbered
// by the hop that is nearer to the launch node: link 0 joins the originator and the guard, link 2 the middle and the launch node.

type cell = [BodySize]byte

// meddle is what happens to the cells of one link; it does not change what it is given.
type meddle = func([]cell) []cell

func circuitLayer(hop int, direction string) *Layer {
	return newLayer(fill(make([]byte, layerKeys), uint64(hop)*2+uint64(len(direction))))
}

// forward sends bodies to the launch node. opened[h] is what hop h finds.
func forward(t testing.TB, bodies []cell, links [3]meddle) (opened [3][]cell) {
	t.Helper()
	cells := slices.Clone(bodies)
	var near [3]*Layer
	for h := range near {
		near[h] = circuitLayer(h, "fwd")
	}
	for i := range cells {
		for h := 2; h >= 0; h-- {
			encrypt(t, near[h], &cells[i])
		}
	}
	for h := range opened {
		if links[h] != nil {
			cells = links[h](cells)
		}
		cells = slices.Clone(cells)
		relay := circuitLayer(h, "fwd")
		for i := range cells {
			decrypt(t, relay, &cells[i])
		}
		opened[h] = cells
	}
	return opened
}

// backward sends bodies from the launch node. opened[h] is what the originator finds under the layer of hop h.
func backward(t testing.TB, bodies []cell, links [3]meddle) (opened [3][]cell) {
	t.Helper()
	cells := slices.Clone(bodies)
	for h := 2; h >= 0; h-- {
		cells = slices.Clone(cells)
		relay := circuitLayer(h, "back")
		for i := range cells {
			encrypt(t, relay, &cells[i])
		}
		if links[h] != nil {
			cells = links[h](cells)
		}
	}
	for h := range opened {
		cells = slices.Clone(cells)
		near := circuitLayer(h, "back")
		for i := range cells {
			decrypt(t, near, &cells[i])
		}
		opened[h] = cells
	}
	return opened
}

// unrelated reports whether two bodies differ like independent random ones do: in 8 416 of 16 832 bits, give or take ten
// standard deviations of 65.
func unrelated(a, b *cell) bool {
	n := 0
	for i := range a {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return n > 8*BodySize/2-650 && n < 8*BodySize/2+650
}

// garbled fails unless got is want before cell first, and noise from there on.
func garbled(t testing.TB, got, want []cell, first int) {
	t.Helper()
	for i := range got {
		if i < first {
			if got[i] != want[i] {
				t.Fatalf("cell %d was not touched and does not open", i)
			}
			continue
		}
		if Ours(&got[i]) {
			t.Fatalf("cell %d is taken", i)
		}
		for j := range want {
			if !unrelated(&got[i], &want[j]) {
				t.Fatalf("cell %d is related to what was sent as cell %d", i, j)
			}
		}
		for j := range i {
			if !unrelated(&got[i], &got[j]) {
				t.Fatalf("cells %d and %d open alike", i, j)
			}
		}
	}
}

const flight = 6 // cells in a run

func bodies(n uint64) []cell {
	b := make([]cell, flight)
	for i := range b {
		b[i] = *markedBody(n*flight + uint64(i))
	}
	return b
}

func flipped(at int, bit ...int) meddle {
	return func(c []cell) []cell {
		c = slices.Clone(c)
		for _, b := range bit {
			c[at][b/8] ^= 1 << (b % 8)
		}
		return c
	}
}

func TestACircuitCarriesCellsBothWays(t *testing.T) {
	sent := bodies(1)
	for name, opened := range map[string][3][]cell{"forward": forward(t, sent, [3]meddle{}), "backward": backward(t, sent, [3]meddle{})} {
		for i := range sent {
			if opened[2][i] != sent[i] {
				t.Errorf("%s: cell %d is not what was sent", name, i)
			}
			if Ours(&opened[0][i]) || Ours(&opened[1][i]) {
				t.Errorf("%s: cell %d is taken on the way", name, i)
			}
		}
	}
}

// Invariant 3, whatever is done on whatever link, both ways.
func TestWhateverIsDoneToCellsGarblesThemAndAllLater(t *testing.T) {
	other, _ := ends(30)
	foreign := *markedBody(9)
	encrypt(t, other, &foreign)
	for name, c := range map[string]struct {
		first int
		do    meddle
	}{
		"first bit":          {2, flipped(2, 0)},
		"bit of the mark":    {0, flipped(0, 77)},
		"last bit":           {3, flipped(3, 8*BodySize-1)},
		"bit before right":   {1, flipped(1, 8*leftSize-1)},
		"first bit of right": {1, flipped(1, 8*leftSize)},
		"both parts":         {1, flipped(1, 5, 8*leftSize+5)},
		"one bit in two cells": {1, func(c []cell) []cell {
			return flipped(3, 9)(flipped(1, 9)(c))
		}},
		"swapped":     {2, func(c []cell) []cell { c = slices.Clone(c); c[2], c[3] = c[3], c[2]; return c }},
		"reversed":    {0, func(c []cell) []cell { c = slices.Clone(c); slices.Reverse(c); return c }},
		"replayed":    {2, func(c []cell) []cell { return slices.Insert(slices.Clone(c), 2, c[1]) }},
		"sent again":  {flight, func(c []cell) []cell { return append(slices.Clone(c), c...) }},
		"dropped":     {2, func(c []cell) []cell { return slices.Delete(slices.Clone(c), 2, 3) }},
		"first gone":  {0, func(c []cell) []cell { return c[1:] }},
		"inserted":    {3, func(c []cell) []cell { return slices.Insert(slices.Clone(c), 3, *someBody(7)) }},
		"zeros":       {3, func(c []cell) []cell { return slices.Insert(slices.Clone(c), 3, cell{}) }},
		"of another":  {3, func(c []cell) []cell { return slices.Insert(slices.Clone(c), 3, foreign) }},
		"cut short":   {4, func(c []cell) []cell { c = slices.Clone(c); clear(c[4][100:]); return c }},
		"cut by one":  {4, func(c []cell) []cell { c = slices.Clone(c); c[4][BodySize-1] ^= 0x40; return c }},
		"shifted":     {1, func(c []cell) []cell { c = slices.Clone(c); copy(c[1][16:], c[1][:leftSize]); return c }},
		"right kept":  {2, func(c []cell) []cell { c = slices.Clone(c); copy(c[2][:leftSize], c[1][:]); return c }},
		"left kept":   {2, func(c []cell) []cell { c = slices.Clone(c); copy(c[2][leftSize:], c[1][leftSize:]); return c }},
		"mark kept":   {2, func(c []cell) []cell { c = slices.Clone(c); copy(c[2][MarkSize:], c[1][MarkSize:]); return c }},
		"only a part": {2, func(c []cell) []cell { c = slices.Clone(c); copy(c[2][500:600], c[3][500:600]); return c }},
	} {
		for link := range 3 {
			t.Run(fmt.Sprintf("%s on link %d", name, link), func(t *testing.T) {
				for way, run := range map[string]func(testing.TB, []cell, [3]meddle) [3][]cell{"forward": forward, "backward": backward} {
					sent := bodies(2)
					honest := run(t, sent, [3]meddle{})
					var links [3]meddle
					links[link] = c.do
					got := run(t, sent, links)
					for h := link; h < 3; h++ {
						garbled(t, got[h], honest[h], c.first)
					}
					for h := range link {
						if way == "forward" && !slices.Equal(got[h], honest[h]) {
							t.Errorf("%s: hop %d saw what was done after it", way, h)
						}
					}
				}
			})
		}
	}
}

// Each of the 16 832 bits, at a relay and at both ends of a circuit's middle: the cell, and the next one, which nobody touched.
func TestEveryBitOfACellGarbles(t *testing.T) {
	near, far := ends(20)
	before, touched, after := markedBody(1), *markedBody(2), *markedBody(3)
	encrypt(t, near, before)
	decrypt(t, far, before)
	encrypt(t, near, &touched)
	encrypt(t, near, &after)
	for bit := range 8 * BodySize {
		hop, c, next := *far, touched, after
		c[bit/8] ^= 1 << (bit % 8)
		decrypt(t, &hop, &c)
		decrypt(t, &hop, &next)
		if !unrelated(&c, markedBody(2)) || !unrelated(&next, markedBody(3)) || Ours(&c) || Ours(&next) {
			t.Fatalf("bit %d", bit)
		}
	}
}

// Random differences of any shape, at random places, several at a time.
func TestRandomDifferencesGarble(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		run := rapid.SampledFrom([]func(testing.TB, []cell, [3]meddle) [3][]cell{forward, backward}).Draw(r, "direction")
		link := rapid.IntRange(0, 2).Draw(r, "link")
		first := rapid.IntRange(0, flight-1).Draw(r, "cell")
		flips := rapid.SliceOfNDistinct(rapid.IntRange(0, 8*BodySize-1), 1, 40, rapid.ID).Draw(r, "bits")
		sent := bodies(rapid.Uint64Range(3, 1<<40).Draw(r, "bodies"))
		honest := run(t, sent, [3]meddle{})
		var links [3]meddle
		links[link] = flipped(first, flips...)
		got := run(t, sent, links)
		for h := link; h < 3; h++ {
			garbled(t, got[h], honest[h], first)
		}
	})
}

// Tagging: one of two who work together changes cells before an honest middle, the other changes them back behind it. With a
// stream cipher nothing would show but to them. Here nothing comes back.
func TestATagCannotBeTakenOffBehindAnHonestHop(t *testing.T) {
	for name, tag := range map[string][]int{
		"mark": {0, 1, 2}, "left": {1000, 5000}, "one block": {128, 129, 255}, "right": {8 * leftSize, 8*BodySize - 1}, "both": {3, 8 * leftSize},
	} {
		sent := bodies(4)
		const at = 2
		honestForward, honestBack := forward(t, sent, [3]meddle{}), backward(t, sent, [3]meddle{})

		// Guard to launch node: put on link 1 by the guard, taken off on link 2 by the launch node.
		got := forward(t, sent, [3]meddle{1: flipped(at, tag...), 2: flipped(at, tag...)})
		garbled(t, got[1], honestForward[1], at)
		garbled(t, got[2], honestForward[2], at)

		// Launch node to guard: put on link 2, taken off on link 1. The originator opens the guard's layer, which they left alone.
		got = backward(t, sent, [3]meddle{2: flipped(at, tag...), 1: flipped(at, tag...)})
		garbled(t, got[1], honestBack[1], at)
		garbled(t, got[2], honestBack[2], at)

		// Nor does the far one see the tag: what it opens is unrelated to what it opens untagged, and to the tag.
		got = forward(t, sent, [3]meddle{1: flipped(at, tag...)})
		garbled(t, got[2], honestForward[2], at)
		if seen := flipped(at, tag...)(got[2]); !unrelated(&seen[at], &honestForward[2][at]) {
			t.Errorf("%s: the tag shows", name)
		}
	}
}

// The attack on a stream that starts at the middle value: a known difference in the right part moves such a start by a known number of
// blocks, so that two openings share keystream. Here the streams of neighbouring middle values share no block.
func TestNeighbouringMiddleValuesShareNoKeystream(t *testing.T) {
	_, far := ends(21)
	c := *someBody(1)
	blocks := map[[16]byte]bool{}
	for d := range byte(8) {
		hop, moved := *far, c
		moved[BodySize-1] ^= d
		decrypt(t, &hop, &moved)
		for i := 0; i < leftSize-15; i += 16 {
			stream := xor16([16]byte(moved[i:]), [16]byte(c[i:]))
			if blocks[stream] {
				t.Fatalf("difference %d, block %d: keystream that was seen before", d, i/16)
			}
			blocks[stream] = true
		}
	}
}
