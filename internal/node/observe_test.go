package node_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// TestNothingObservableLinksTheOriginatorToAKey has three of eight processes insert and fetch files and records at the same time,
// through circuits, and a fourth without, and looks at everything that each process sees of it. It asks what a node learns by
// itself, in whichever parts it plays, from what is said to it. Not asked, since testnet/sim/anonymity measures it, is what is learnt from when
// things are said and how much: by a guard that counts cells, by a node that is guard of one circuit and launch node of another
// and compares their times or sees that one middle stands next to both, and by nodes that tell each other what they have seen.
func TestNothingObservableLinksTheOriginatorToAKey(t *testing.T) {
	const size = downloadSize / 64
	const straight = 7
	users := []int{1, 4, 6, straight}
	net := startProcesses(t, 8, true, straight)
	put := net.doAll(func(i int) order {
		if !slices.Contains(users, i) {
			return order{}
		}
		return order{Do: "put", Seed: byte(i), Size: size}
	})
	files := map[string][]byte{}
	net.doAll(func(i int) order {
		at := slices.Index(users, i)
		if at < 0 {
			return order{}
		}
		from := users[(at+1)%3]
		if i == straight {
			from = straight
		}
		return order{Do: "get", Seed: byte(from), Size: size, URI: put[from].URI}
	})
	for _, i := range users {
		files[put[i].URI] = fileOf(byte(i), size)
	}
	net.stop()
	w, err := newWorld(net, files)
	if err != nil {
		t.Fatal(err)
	}
	var hidden []*memory
	for _, i := range users[:3] {
		hidden = append(hidden, w.all[i])
		w.suffices(t, w.all[i])
		report(t, w.check(w.all[i]))
	}
	report(t, w.differences(hidden))
	// The checks find what is there to be found.
	found := w.check(w.all[straight])
	for _, kind := range []breach{breachFirst, breachUnseen} {
		if !slices.ContainsFunc(found[kind], func(where string) bool { return strings.HasPrefix(where, fmt.Sprintf("node %d: ", straight)) }) {
			t.Errorf("of a node without circuits it is not found that %s", kind)
		}
	}
	for _, x := range w.plants(t, hidden) {
		t.Run("planted: "+x.name, x.test)
	}
}

// suffices checks that there was something to see of an originator: or all else would show nothing.
func (w *world) suffices(t *testing.T, o *memory) {
	t.Helper()
	var circuits, cells [4]int
	launched := 0
	for _, m := range w.all {
		for _, p := range m.passages {
			if p.origin == o && p.depth <= 3 {
				circuits[p.depth]++
				cells[p.depth] += len(p.frames)
				launched += len(p.launches())
			}
		}
	}
	t.Logf("node %d: %d blocks asked for, %d launched; guards, middles and launch nodes saw %d circuits and %d cells",
		o.index, len(o.asked), launched, circuits[1:], cells[1:])
	if circuits[1] < 4 || circuits[2] < 4 || circuits[3] < 4 || launched < len(o.asked)/2 {
		t.Errorf("node %d: too little was seen", o.index)
	}
}

// report fails the test for everything that was found.
func report(t *testing.T, found breaches) {
	t.Helper()
	for _, kind := range slices.Sorted(maps.Keys(found)) {
		t.Errorf("%s, %d times, such as %s", kind, len(found[kind]), found[kind][0])
	}
}

// closestTo lists the nodes by their distance from a block.
func (net *network) closestTo(id keys.ID) (all []wire.NodeID) {
	for _, m := range net.nodes {
		all = append(all, m.Self().ID)
	}
	return byDistance(all, id, 0)
}

// byDistance sorts nodes by their distance from one of a block's places.
func byDistance(all []wire.NodeID, id keys.ID, rotation uint8) []wire.NodeID {
	target := id.Location(rotation)
	slices.SortFunc(all, func(a, b wire.NodeID) int {
		if a.Location().Distance(target) < b.Location().Distance(target) {
			return -1
		}
		return 1
	})
	return all
}
