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
	id := keys.ID{Kind: keys.KindData}
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
		"node": s.doNode, "ghost": s.doNode, "link": s.doLink, "unlink": s.doUnlink, "block": s.doBlock,
		"hold": s.doHold, "get": s.doLocal, "put": s.doLocal, "cancel": s.doCancel, "from": s.doFrom,
		"run": s.doRun, "wait": s.doWait, "silence": s.doSet, "heal": s.doSet, "break": s.doSet,
		"coins": s.doCoins, "flood": s.doFlood, "window": s.doWindow, "holds": s.doHolds, "state": s.doState,
	}[f[0]]
	if !ok {
		s.t.Fatalf("no such command: %q", f)
	}
	run(f)
}

// doNode: node NAME PLACE...  | ghost NAME PLACE
func (s *stage) doNode(f []string) {
	for i := 1; i+1 < len(f); i += 2 {
		a := &actor{name: f[i], id: idNear(s.float(f[i+1])), holds: make(map[keys.ID]keys.Block)}
		if f[0] == "node" {
			a.coins = &coinSource{all: highCoins}
			a.machine = New(Config{Self: a.id, Rand: rand.New(a.coins)})
		}
		s.actors[a.name] = a
		s.order = append(s.order, a)
	}
}

func (s *stage) actor(name string) *actor {
	a := s.actors[name]
	if a == nil {
		s.t.Fatalf("no such node: %s", name)
	}
	return a
}

func (s *stage) float(text string) float64 {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return x
}

// doLink: link A B...  links A with each of the others.
func (s *stage) doLink(f []string) {
	a := s.actor(f[1])
	for _, name := range f[2:] {
		b := s.actor(name)
		s.step(a, PeerUp{b.id})
		s.step(b, PeerUp{a.id})
	}
}

func (s *stage) doUnlink(f []string) {
	a, b := s.actor(f[1]), s.actor(f[2])
	s.step(a, PeerDown{b.id})
	s.step(b, PeerDown{a.id})
}

// doBlock: block NAME PLACE [rotation]
func (s *stage) doBlock(f []string) {
	rotation := uint8(0)
	if len(f) > 3 {
		rotation = uint8(s.float(f[3]))
	}
	s.blocks[f[1]] = blockNear(s.float(f[2]), rotation, len(s.blocks))
}

func (s *stage) block(name string) keys.Block {
	b, ok := s.blocks[name]
	if !ok {
		s.t.Fatalf("no such block: %s", name)
	}
	return b
}

// doHold: hold NODE BLOCK...
func (s *stage) doHold(f []string) {
	for _, name := range f[2:] {
		b := s.block(name)
		s.actor(f[1]).holds[b.ID()] = b
	}
}

// doLocal: get NODE TOKEN BLOCK [bulk] [rotation=N]  | put …
func (s *stage) doLocal(f []string) {
	var class wire.Class
	var rotation uint8
	for _, opt := range f[4:] {
		if opt == "bulk" {
			class = wire.Bulk
		} else if n, ok := strings.CutPrefix(opt, "rotation="); ok {
			rotation = uint8(s.float(n))
		}
	}
	token := Token(s.float(f[2]))
	if f[0] == "get" {
		s.step(s.actor(f[1]), LocalGet{token, s.block(f[3]).ID(), rotation, class})
	} else {
		s.step(s.actor(f[1]), LocalPut{token, s.block(f[3]), rotation, class})
	}
}

func (s *stage) doCancel(f []string) { s.step(s.actor(f[1]), LocalCancel{Token(s.float(f[2]))}) }

// doFrom: from GHOST NODE get|put|data|stored|fail|cancel|garbled …: the ghost says something to the node at once.
func (s *stage) doFrom(f []string) {
	from, to := s.actor(f[1]), s.actor(f[2])
	arg := func(name, otherwise string) string {
		for _, opt := range f[4:] {
			if v, ok := strings.CutPrefix(opt, name+"="); ok {
				return v
			}
		}
		return otherwise
	}
	req := wire.Req(s.float(arg("req", "0")))
	if answer := arg("to", ""); answer != "" { // the number that the script printed
		req = s.realReq(to, from, answer)
	}
	htl, class := uint8(s.float(arg("htl", "10"))), wire.Class(s.float(arg("class", "0")))
	rotation := uint8(s.float(arg("rotation", "0")))
	var msg wire.Message
	switch f[3] {
	case "get":
		msg = wire.Get{Req: req, HTL: htl, Class: class, Rotation: rotation, ID: s.block(f[4]).ID()}
	case "put":
		msg = wire.Put{Req: req, HTL: htl, Class: class, Rotation: rotation, Block: s.block(f[4])}
	case "data":
		msg = wire.Data{Req: req, Block: s.block(f[4])}
	case "stored":
		msg = wire.Stored{Req: req, Copies: uint8(s.float(arg("copies", "1")))}
	case "fail":
		msg = wire.Fail{Req: req, Reason: map[string]wire.Reason{"notfound": wire.NotFound, "overload": wire.Overload, "failed": wire.Failed}[f[4]]}
	case "cancel":
		msg = wire.Cancel{Req: req}
	case "garbled":
		s.step(to, Garbled{from.id, wire.BadBlockError{Req: req, Put: arg("put", "") != ""}})
		return
	default:
		s.t.Fatalf("%q", f)
	}
	if arg("quiet", "") == "" {
		s.printf("%s -> %s: %s", from.name, to.name, s.describe(from, to, msg))
	}
	s.step(to, Received{from.id, msg})
}

// doRun plays until nothing is on its way; timers do not go off.
func (s *stage) doRun([]string) {
	for len(s.queue) > 0 {
		s.deliver()
	}
}

// doWait: wait DURATION plays what happens within it, timers included.
func (s *stage) doWait(f []string) {
	d, err := time.ParseDuration(f[1])
	if err != nil {
		s.t.Fatal(err)
	}
	end := s.now.Add(d)
	for {
		var next *actor
		at := end
		for _, a := range s.order {
			if a.machine == nil {
				continue
			}
			if t, ok := a.machine.NextDeadline(); ok && t.Before(at) {
				next, at = a, t
			}
		}
		switch {
		case len(s.queue) > 0 && !s.queue[0].at.After(at):
			s.deliver()
		case next != nil:
			s.now = maxTime(s.now, at)
			s.step(next, Tick{})
		default:
			s.now = end
			return
		}
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// doSet: silence NODE | heal NODE | break NODE
func (s *stage) doSet(f []string) {
	for _, name := range f[1:] {
		a := s.actor(name)
		switch f[0] {
		case "silence":
			a.silent = true
		case "break":
			a.broken = true
		case "heal":
			a.silent, a.broken = false, false
		}
	}
}

// doCoins: coins NODE low|high|SEED
func (s *stage) doCoins(f []string) {
	c := s.actor(f[1]).coins
	switch f[2] {
	case "low":
		*c = coinSource{all: lowCoins}
	case "high":
		*c = coinSource{all: highCoins}
	default:
		*c = coinSource{pcg: rand.NewPCG(uint64(s.float(f[2])), 0)}
	}
}

// doFlood: flood N COMMAND… repeats a command without printing; req= and a token of it count up.
func (s *stage) doFlood(f []string) {
	s.mute = true
	for i := range int(s.float(f[1])) {
		cmd := append([]string(nil), f[2:]...)
		for j := range cmd {
			cmd[j] = strings.ReplaceAll(cmd[j], "%", strconv.Itoa(i+1))
		}
		s.command(cmd)
	}
	s.mute = false
}

// doWindow: window NODE PEER N sets how many requests of each class may be in flight.
func (s *stage) doWindow(f []string) {
	l := s.actor(f[1]).machine.links[s.actor(f[2]).id]
	for i := range l.flights {
		l.flights[i].window = s.float(f[3])
	}
}

// doHolds: holds BLOCK lists who holds it.
func (s *stage) doHolds(f []string) {
	var who []string
	for _, a := range s.order {
		if _, ok := a.holds[s.block(f[1]).ID()]; ok {
			who = append(who, a.name)
		}
	}
	s.printf("%s is held by %s", f[1], strings.Join(who, " "))
}

// doState: state NODE prints what its tables hold.
func (s *stage) doState(f []string) {
	m := s.actor(f[1]).machine
	s.printf("%s: active %d, waiting for the store %d, local %d, timers %d", f[1], len(m.active), len(m.refs), len(m.local), len(m.timers))
	for _, a := range s.order {
		l := m.links[a.id]
		if l == nil {
			continue
		}
		if len(l.asked)+l.silent > 0 {
			s.printf("  %s: asks %d, silent %d", a.name, len(l.asked), l.silent)
		}
		for class := range l.flights {
			if fl := &l.flights[class]; fl.inflight+fl.queue.n > 0 || fl.window != startWindow {
				s.printf("  %s %s: window %.0f, in flight %d, queued %d", a.name,
					[]string{"interactive", "bulk"}[class], fl.window, fl.inflight, fl.queue.n)
			}
		}
	}
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
	}
	return fmt.Sprintf("%T", msg)
}
