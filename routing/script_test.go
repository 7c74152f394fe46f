package routing

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

var update = flag.Bool("update", false, "write what the golden scripts print back into testdata")

// TestScripts plays testdata/*.txt. A script is a list of sections: commands, a line "----", and what they print, up to
// an empty line. testdata/README.md lists the commands.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	var out bytes.Buffer
	inOutput := false
	for _, line := range strings.Split(strings.TrimRight(string(want), "\n"), "\n") {
		switch {
		case inOutput && line != "":
		case inOutput:
			inOutput = false
			fmt.Fprintln(&out)
		case line == "----":
			inOutput = true
			fmt.Fprintf(&out, "----\n%s", s.take())
		default:
			fmt.Fprintln(&out, line)
			if line != "" && line[0] != '#' {
				s.command(strings.Fields(line))
			}
		}
	}
	if rest := s.take(); rest != "" {
		t.Errorf("commands after the last ---- printed:\n%s", rest)
	}
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("(-file +now)\n%s", diff)
	}
}

// stage is a small network in virtual time. Messages arrive 10 ms after they were sent, stores answer after 1 ms.
type stage struct {
	t      *testing.T
	now    time.Time
	actors map[string]*actor
	order  []*actor
	blocks map[string]keys.Block
	queue  []cue
	reqs   map[string]int
	out    bytes.Buffer
	mute   bool
}

// actor is a node of the script; without a machine it is a ghost, for which the script speaks.
type actor struct {
	name    string
	id      wire.NodeID
	machine *Machine
	coins   *coinSource
	holds   map[keys.ID]keys.Block
	broken  bool // the store keeps nothing
	silent  bool // messages to it are lost
}

// cue is an event on its way.
type cue struct {
	at time.Time
	to *actor
	ev Event
}

// coinSource makes all coins of a machine fall the same way, or is a seeded generator.
type coinSource struct {
	all uint64
	pcg *rand.PCG
}

// lowCoins makes IntN(n) = 0 for every n in use; highCoins makes it n-1.
const (
	lowCoins  = 0x0100000001000000
	highCoins = 1<<64 - 1
)

func (c *coinSource) Uint64() uint64 {
	if c.pcg != nil {
		return c.pcg.Uint64()
	}
	return c.all
}

func newStage(t *testing.T) *stage {
	return &stage{
		t: t, now: time.Unix(1e9, 0).UTC(), actors: make(map[string]*actor),
		blocks: make(map[string]keys.Block), reqs: make(map[string]int),
	}
}

func (s *stage) take() string {
	defer s.out.Reset()
	return s.out.String()
}

func (s *stage) printf(format string, args ...any) {
	if !s.mute {
		fmt.Fprintf(&s.out, format+"\n", args...)
	}
}

// idNear finds an identity whose place is near x.
func idNear(x float64) (id wire.NodeID) {
	for i := uint32(0); ; i++ {
		binary.BigEndian.PutUint32(id[:], i)
		if isNear(id.Location(), x) {
			return id
		}
	}
}

// blockNear makes up a block that belongs near x under a rotation. The machine never looks at its bytes.
func blockNear(x float64, rotation uint8, salt int) keys.Block {
	return madeUp(keys.KindData, x, rotation, salt)
}

func madeUp(kind keys.Kind, x float64, rotation uint8, salt int) keys.Block {
	id := keys.ID{Kind: kind}
	binary.BigEndian.PutUint32(id.Name[4:], uint32(salt))
	for i := uint32(0); ; i++ {
		binary.BigEndian.PutUint32(id.Name[:], i)
		if isNear(id.Location(rotation), x) {
			return keys.Restore(id, make([]byte, 1))
		}
	}
}

func isNear(l keys.Location, x float64) bool {
	return l.Distance(keys.Location(x*(1<<63))<<1) < 1<<64/400
}

func (s *stage) command(f []string) {
	run, ok := map[string]func([]string){
		"node": s.doNode, "ghost": s.doNode, "link": s.doLink, "unlink": s.doUnlink, "block": s.doBlock, "record": s.doBlock, "await": s.doAwait, "appear": s.doAppear,
		"hold": s.doHold, "get": s.doLocal, "put": s.doLocal, "cancel": s.doCancel, "from": s.doFrom,
		"run": s.doRun, "wait": s.doWait, "silence": s.doSet, "heal": s.doSet, "break": s.doSet,
		"coins": s.doCoins, "flood": s.doFlood, "window": s.doWindow, "holds": s.doHolds, "state": s.doState,
	}[f[0]]
	if !ok {
		s.t.Fatalf("no such command: %q", f)
	}
	run(f)
}

func (s *stage) deliver() {
	c := s.queue[0]
	s.queue = s.queue[1:]
	s.now = maxTime(s.now, c.at)
	s.step(c.to, c.ev)
}

func (s *stage) later(d time.Duration, to *actor, ev Event) {
	at := s.now.Add(d)
	i := len(s.queue)
	for i > 0 && s.queue[i-1].at.After(at) {
		i--
	}
	s.queue = append(s.queue[:i], append([]cue{{at, to, ev}}, s.queue[i:]...)...)
}

// step gives a machine an event and carries out what it wants.
func (s *stage) step(a *actor, ev Event) {
	if a.machine == nil {
		return
	}
	for _, e := range a.machine.Step(s.now, ev) {
		switch e := e.(type) {
		case Send:
			to := s.byID(e.To)
			s.printf("%s -> %s: %s", a.name, to.name, s.describe(a, to, e.Msg))
			if to.machine != nil && !to.silent && !a.silent {
				s.later(10*time.Millisecond, to, Received{a.id, e.Msg})
			}
		case Lookup:
			s.printf("%s looks for %s", a.name, s.nameOf(e.ID))
			s.later(time.Millisecond, a, LookedUp{e.Ref, a.holds[e.ID]})
		case Keep:
			s.printf("%s keeps %s (%s)", a.name, s.nameOf(e.Block.ID()), map[store.Class]string{store.Sink: "sink", store.Cache: "cache"}[e.Class])
			if !a.broken {
				a.holds[e.Block.ID()] = e.Block
			}
			if e.Ref != 0 {
				s.later(time.Millisecond, a, Kept{e.Ref, !a.broken})
			}
		case Done:
			s.printf("%s is done with %d after %v: %s", a.name, e.Token, s.now.Sub(time.Unix(1e9, 0)).Round(time.Millisecond), s.result(e))
		case Misbehaved:
			s.printf("%s accuses %s", a.name, s.byID(e.Peer).name)
		}
	}
}

func (s *stage) result(d Done) string {
	switch {
	case !d.Block.IsZero():
		return s.nameOf(d.Block.ID())
	case d.Copies > 0:
		return fmt.Sprintf("%d copies", d.Copies)
	}
	return reasonName(d.Reason)
}

func reasonName(r wire.Reason) string {
	return map[wire.Reason]string{wire.NotFound: "not found", wire.Overload: "overload", wire.Failed: "failed"}[r]
}

func (s *stage) byID(id wire.NodeID) *actor {
	for _, a := range s.order {
		if a.id == id {
			return a
		}
	}
	s.t.Fatal("a message to nobody")
	return nil
}

func (s *stage) nameOf(id keys.ID) string {
	for name, b := range s.blocks {
		if b.ID() == id {
			return name
		}
	}
	return "?"
}

// number gives the requests on one link, in one direction, numbers in the order in which they appear.
func (s *stage) number(from, to *actor, req wire.Req) string {
	if from.machine == nil { // the script chose it
		return fmt.Sprint("#", req)
	}
	base := from.name + ">" + to.name
	k := fmt.Sprint(base, "/", req)
	if s.reqs[k] == 0 {
		s.reqs[base]++
		s.reqs[k] = s.reqs[base]
	}
	return fmt.Sprint("#", s.reqs[k])
}

func (s *stage) realReq(from, to *actor, number string) wire.Req {
	for k, n := range s.reqs {
		if text, ok := strings.CutPrefix(k, from.name+">"+to.name+"/"); ok && strconv.Itoa(n) == number {
			return wire.Req(s.float(text))
		}
	}
	s.t.Errorf("%s has sent no #%s to %s", from.name, number, to.name)
	return 0
}

func (s *stage) describe(from, to *actor, msg wire.Message) string {
	ask := func(kind string, r wire.Req, htl uint8, c wire.Class, rotation uint8, id keys.ID) string {
		text := fmt.Sprintf("%s %s htl %d %s", kind, s.number(from, to, r), htl, s.nameOf(id))
		if c == wire.Bulk {
			text += " bulk"
		}
		if rotation != 0 {
			text += fmt.Sprint(" rotation ", rotation)
		}
		return text
	}
	switch m := msg.(type) {
	case wire.Get:
		return ask("Get", m.Req, m.HTL, m.Class, m.Rotation, m.ID)
	case wire.Put:
		return ask("Put", m.Req, m.HTL, m.Class, m.Rotation, m.Block.ID())
	case wire.Data:
		return fmt.Sprintf("Data for %s: %s", s.number(to, from, m.Req), s.nameOf(m.Block.ID()))
	case wire.Stored:
		return fmt.Sprintf("Stored for %s: %d copies", s.number(to, from, m.Req), m.Copies)
	case wire.Fail:
		return fmt.Sprintf("Fail for %s: %s", s.number(to, from, m.Req), reasonName(m.Reason))
	case wire.Cancel:
		return fmt.Sprintf("Cancel %s", s.number(from, to, m.Req))
	case wire.Lease:
		text := "Lease " + s.nameOf(m.ID)
		if m.Own {
			text += " own"
		}
		if m.Rotation != 0 {
			text += fmt.Sprint(" rotation ", m.Rotation)
		}
		return text
	case wire.Push:
		return "Push " + s.nameOf(m.Block.ID())
	}
	return fmt.Sprintf("%T", msg)
}
