package jobs

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"nightjar/internal/content"
	"nightjar/keys"
)

const (
	// space is where the vault has the jobs, each under its ID.
	space = "jobs"
	// lateKeep is within what time a keep runs whose time came while the node was down.
	lateKeep = time.Hour
	// maxRecord bounds a job's record. Two URIs, two paths and an error's text fit easily.
	maxRecord     = 64 << 10
	maxPath       = 4096
	maxName       = 255
	maxText       = 2048 // of an error
	recordVersion = 1
	maxTries      = math.MaxInt32
)

// record is a job as the vault keeps it: deterministic CBOR (RFC 8949 §4.2.1) with small integers for names.
type record struct {
	Version  uint        `cbor:"1,keyasint"`
	Kind     Kind        `cbor:"2,keyasint"`
	State    State       `cbor:"3,keyasint"`
	Created  int64       `cbor:"4,keyasint"` // Unix milliseconds, as all times; 0 = none
	Ended    int64       `cbor:"5,keyasint,omitempty"`
	Next     int64       `cbor:"6,keyasint,omitempty"`
	Tries    int         `cbor:"7,keyasint,omitempty"`
	Fault    *fault      `cbor:"8,keyasint,omitempty"`
	Order    orders      `cbor:"9,keyasint"`
	Put      *putRecord  `cbor:"10,keyasint,omitempty"`
	Get      *getRecord  `cbor:"11,keyasint,omitempty"`
	Keep     *keepRecord `cbor:"12,keyasint,omitempty"`
	Result   result      `cbor:"13,keyasint"`
	Secret   secret      `cbor:"14,keyasint"`
	Progress progress    `cbor:"15,keyasint"`
}

// orders is what the user said about a job of any kind.
type orders struct {
	Path     string        `cbor:"1,keyasint,omitempty"`
	Priority Priority      `cbor:"2,keyasint,omitempty"`
	Tries    int           `cbor:"3,keyasint,omitempty"`
	Timeout  time.Duration `cbor:"4,keyasint,omitempty"`
}

type putRecord struct {
	Name       string             `cbor:"1,keyasint,omitempty"`
	MIME       string             `cbor:"2,keyasint,omitempty"`
	Target     string             `cbor:"3,keyasint,omitempty"`
	Convergent bool               `cbor:"4,keyasint,omitempty"`
	Hidden     bool               `cbor:"5,keyasint,omitempty"`
	Folder     bool               `cbor:"6,keyasint,omitempty"`
	EarlyURI   bool               `cbor:"7,keyasint,omitempty"`
	Redundancy content.Redundancy `cbor:"8,keyasint,omitempty"`
	Times      bool               `cbor:"9,keyasint,omitempty"`
	Site       string             `cbor:"10,keyasint,omitempty"`
}

type getRecord struct {
	URI     string `cbor:"1,keyasint"`
	MaxSize uint64 `cbor:"2,keyasint,omitempty"`
	Force   bool   `cbor:"3,keyasint,omitempty"`
}

type keepRecord struct {
	URI       string        `cbor:"1,keyasint"`
	Every     time.Duration `cbor:"2,keyasint,omitempty"`
	Check     bool          `cbor:"3,keyasint,omitempty"`
	Sample    float64       `cbor:"4,keyasint,omitempty"`
	MaxBlocks uint64        `cbor:"5,keyasint,omitempty"`
}

// result is what a job has found out.
type result struct {
	URI    string        `cbor:"1,keyasint,omitempty"`
	Size   uint64        `cbor:"2,keyasint,omitempty"`
	MIME   string        `cbor:"3,keyasint,omitempty"`
	Folder bool          `cbor:"4,keyasint,omitempty"`
	Health *healthRecord `cbor:"5,keyasint,omitempty"`
}

// secret is what a job draws when it is made: the salt of a put, and the key of its files.
type secret struct {
	Salt [32]byte `cbor:"1,keyasint"`
	Key  [32]byte `cbor:"2,keyasint"`
}

// progress is how far a job is, in what must not be done twice.
type progress struct {
	Source  []byte `cbor:"1,keyasint,omitempty"` // put: fingerprint of what is inserted
	Tag     string `cbor:"2,keyasint,omitempty"` // get: of the content that was found first
	File    int    `cbor:"3,keyasint,omitempty"` // get of a folder: files that are complete
	Offset  int64  `cbor:"4,keyasint,omitempty"` // get: bytes of the file, or of the next one, that are on the disk
	Placing bool   `cbor:"5,keyasint,omitempty"` // get: complete, and being given its name; put of a site: inserted, and being noted
	Edition int64  `cbor:"6,keyasint,omitempty"` // get of the newest edition: which one was found first; put of a site: which one it writes
}

// fault is an error that outlives the process.
type fault struct {
	Code string `cbor:"1,keyasint"`
	Text string `cbor:"2,keyasint"`
}

func (f *fault) Error() string { return f.Text }

// Unwrap is the sentinel that belongs to the code, or nil.
func (f *fault) Unwrap() error { return sentinels()[f.Code] }

// sentinels are the errors that are recognised after a restart.
func sentinels() map[string]error {
	return map[string]error{
		"cancelled": ErrCancelled, "timeout": ErrTimeout, "changed": ErrChanged, "target": ErrTarget, "disk full": ErrDiskFull,
		"damaged": ErrDamaged, "not found": content.ErrNotFound, "no entry": content.ErrNoEntry, "malformed": content.ErrMalformed,
		"too large": content.ErrTooLarge, "bad path": content.ErrBadPath, "bad type": content.ErrBadType, "bad uri": keys.ErrBadURI,
		"wrong key": keys.ErrWrongKey, "conflict": content.ErrConflict, "verify only": content.ErrVerifyOnly, "too many": content.ErrTooMany, "file changed": content.ErrChanged,
	}
}

func newFault(err error) *fault {
	if err == nil {
		return nil
	}
	f := &fault{Text: cut(err.Error(), maxText)}
	for code, sentinel := range sentinels() {
		// Several may fit, and the first in order counts: map order must not reach the disk.
		if errors.Is(err, sentinel) && (f.Code == "" || code < f.Code) {
			f.Code = code
		}
	}
	return f
}

// cut shortens a text, to whole characters.
func cut(s string, n int) string {
	s = string(bytes.ToValidUTF8([]byte(s), []byte("?")))
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// codec reads and writes records.
type codec struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

func newCodec() codec {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic("jobs: the options of CBOR: " + err.Error())
	}
	dec, err := cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField, MaxNestedLevels: 8, MaxArrayElements: 64, MaxMapPairs: 32,
	}.DecMode()
	if err != nil {
		panic("jobs: the options of CBOR: " + err.Error())
	}
	return codec{enc, dec}
}

func (c codec) encode(r *record) ([]byte, error) {
	b, err := c.enc.Marshal(r)
	if err == nil && len(b) > maxRecord {
		err = fmt.Errorf("%w: it is described by more than %d bytes", ErrSpec, maxRecord)
	}
	return b, err
}

// decode reads a record; the error is ErrDamaged.
func (c codec) decode(b []byte) (*record, error) {
	if len(b) > maxRecord {
		return nil, ErrDamaged
	}
	r := new(record)
	if err := c.dec.Unmarshal(b, r); err != nil || r.check() != nil {
		return nil, ErrDamaged
	}
	return r, nil
}

// check looks at everything that the manager relies on.
func (r *record) check() error {
	known := map[State]bool{Waiting: true, Running: true, Paused: true, Retrying: true, Done: true, Failed: true, Cancelled: true}
	parts := 0
	for _, has := range []bool{r.Put != nil && r.Kind == Put, r.Get != nil && r.Kind == Get, r.Keep != nil && r.Kind == Keep} {
		if has {
			parts++
		}
	}
	p := &r.Progress
	switch {
	case r.Version != recordVersion || !known[r.State] || parts != 1 || r.extra():
	case r.Tries < 0 || r.Tries > maxTries || p.File < 0 || p.File > content.MaxFiles || p.Offset < 0 || p.Offset > content.MaxStream || p.Edition < 0:
	case len(p.Source) > 64 || len(p.Tag) > 64 || !utf8.ValidString(p.Tag) || r.Result.Size > content.MaxStream*content.MaxFiles:
	case r.Fault != nil && (len(r.Fault.Text) > maxText || len(r.Fault.Code) > 32) || len(r.Result.MIME) > maxName || !r.Result.Health.sound():
	default:
		_, err := r.spec()
		return err
	}
	return ErrDamaged
}

// extra reports parts of other kinds.
func (r *record) extra() bool {
	return r.Put != nil && r.Kind != Put || r.Get != nil && r.Kind != Get || r.Keep != nil && r.Kind != Keep
}

// spec is what the job was made of, checked as when it was made.
func (r *record) spec() (spec Spec, err error) {
	o := r.Order
	switch {
	case r.Put != nil:
		s := PutSpec{Name: r.Put.Name, MIME: r.Put.MIME, Convergent: r.Put.Convergent, Hidden: r.Put.Hidden, Folder: r.Put.Folder,
			EarlyURI: r.Put.EarlyURI, Redundancy: r.Put.Redundancy, Times: r.Put.Times, Site: r.Put.Site, Path: o.Path, Priority: o.Priority, Tries: o.Tries, Timeout: o.Timeout}
		if r.Put.Target != "" {
			s.Target, err = keys.ParseURI(r.Put.Target)
		}
		spec = s
	case r.Get != nil:
		s := GetSpec{MaxSize: r.Get.MaxSize, Force: r.Get.Force, Path: o.Path, Priority: o.Priority, Tries: o.Tries, Timeout: o.Timeout}
		s.URI, err = keys.ParseURI(r.Get.URI)
		spec = s
	case r.Keep != nil:
		s := KeepSpec{Every: r.Keep.Every, Check: r.Keep.Check, Sample: r.Keep.Sample, MaxBlocks: r.Keep.MaxBlocks, Priority: o.Priority, Tries: o.Tries, Timeout: o.Timeout}
		s.URI, err = keys.ParseURI(r.Keep.URI)
		spec = s
	}
	if err != nil {
		return nil, err
	}
	return spec, checkSpec(spec)
}

// toRecord describes the job as it is, or returns nil if its record is to stay as it is.
func (j *Job) toRecord() *record {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.q.left {
		return nil
	}
	s, q := &j.snap, j.q
	r := &record{
		Version: recordVersion, Kind: s.Kind, State: s.State, Created: millis(s.Created), Ended: millis(s.Ended), Next: millis(s.Next),
		Tries: q.tries, Fault: newFault(s.Err), Order: q.orders, Secret: q.secret, Progress: q.progress,
		Result: result{Size: s.Size, MIME: cut(s.MIME, maxName), Folder: s.Folder},
	}
	r.Result.Health = newHealthRecord(s.Health)
	if o := q.outcome; o != nil { // a job that is over keeps no secrets
		r.State, r.Ended, r.Next, r.Fault, r.Secret = finalState(o.err), millis(o.at), 0, newFault(o.err), secret{}
	}
	if s.Kind != Keep {
		r.Result.URI = encode(s.URI)
	}
	switch s.Kind {
	case Put:
		p := &j.put
		r.Put = &putRecord{p.Name, p.MIME, encode(p.Target), p.Convergent, p.Hidden, p.Folder, p.EarlyURI, p.Redundancy, p.Times, p.Site}
		if q.outcome != nil {
			r.Put.Target = ""
		}
	case Get:
		r.Get = &getRecord{encode(j.get.URI), j.get.MaxSize, j.get.Force}
	case Keep:
		r.Keep = &keepRecord{encode(q.keep.URI), q.keep.Every, q.keep.Check, q.keep.Sample, q.keep.MaxBlocks}
	}
	return r
}

// fromRecord makes a job of what the last process left; the error is ErrDamaged.
func (m *Manager) fromRecord(id ID, r *record) (*Job, error) {
	spec, err := r.spec()
	if err != nil {
		return nil, ErrDamaged
	}
	j := m.newJob(r.Kind, r.Order.Timeout)
	j.q = &queued{secret: r.Secret, orders: r.Order, progress: r.Progress, tries: r.Tries}
	s := &j.snap
	s.ID, s.State = id, r.State
	s.Created, s.Ended, s.Next = timeOf(r.Created), timeOf(r.Ended), timeOf(r.Next)
	s.Folder, s.Size, s.MIME = r.Result.Folder, r.Result.Size, r.Result.MIME
	if r.Result.URI != "" {
		if s.URI, err = keys.ParseURI(r.Result.URI); err != nil {
			return nil, ErrDamaged
		}
	}
	j.setSpec(spec)
	s.Tries, s.Health = r.Tries, r.Result.Health.health()
	if r.Fault != nil {
		s.Err = r.Fault
	}
	switch {
	case s.State == Running:
		s.State, s.Next, s.Err = Waiting, time.Time{}, nil
	case s.Kind == Keep && s.State == Waiting && !s.Next.IsZero():
		// What is overdue does not run at once: what a keep inserts would show when this node starts.
		if soon := time.Now().Add(rand.N(lateKeep)); s.Next.Before(soon) {
			s.Next = soon
		}
	case s.State.Final():
		close(j.ended)
		j.listedAsFinished = true
	}
	return j, nil
}

// checkSpec looks at what can be known to make no sense; the error wraps ErrSpec.
func checkSpec(spec Spec) error {
	o := ordersOf(spec)
	switch {
	case o.Timeout < 0:
		return fmt.Errorf("%w: a time is negative", ErrSpec)
	case o.Tries < 0 || o.Tries > maxTries:
		return fmt.Errorf("%w: how often to try is out of range", ErrSpec)
	case o.Priority < Low || o.Priority > High:
		return fmt.Errorf("%w: there is no such priority", ErrSpec)
	case len(o.Path) > maxPath:
		return fmt.Errorf("%w: a path has more than %d bytes", ErrSpec, maxPath)
	case spec.kind() != Keep && (!filepath.IsAbs(o.Path) || filepath.Clean(o.Path) != o.Path || !utf8.ValidString(o.Path) || strings.ContainsRune(o.Path, 0)):
		return fmt.Errorf("%w: a path must be absolute, clean and UTF-8 without NUL", ErrSpec)
	}
	switch s := spec.(type) {
	case PutSpec:
		if len(s.Name) > maxName || len(s.MIME) > maxName || !utf8.ValidString(s.Name) || !utf8.ValidString(s.MIME) {
			return fmt.Errorf("%w: name and media type have at most %d bytes of UTF-8", ErrSpec, maxName)
		}
		if err := s.checkSite(); err != nil {
			return err
		}
		if t := s.Target; t != (keys.URI{}) && (t.Type == keys.CHK || t.Type != keys.KSK && !t.Insert) {
			return fmt.Errorf("%w: the target must be an insert URI of an SSK or USK, or a KSK", ErrSpec)
		}
	case GetSpec:
		if s.URI == (keys.URI{}) || filepath.Dir(s.Path) == s.Path {
			return fmt.Errorf("%w: a get needs a URI, and a path that is not the root", ErrSpec)
		}
	case KeepSpec:
		if !(s.Sample >= 0 && s.Sample <= 1) {
			return fmt.Errorf("%w: a sample is a share from 0 to 1", ErrSpec)
		}
		if s.URI == (keys.URI{}) || s.Every < 0 || s.Every > 0 && s.Every < time.Minute {
			return fmt.Errorf("%w: a keep needs a URI, and at least a minute in between", ErrSpec)
		}
	}
	return nil
}

func ordersOf(spec Spec) orders {
	switch s := spec.(type) {
	case PutSpec:
		return orders{s.Path, s.Priority, s.Tries, s.Timeout}
	case GetSpec:
		return orders{s.Path, s.Priority, s.Tries, s.Timeout}
	case KeepSpec:
		return orders{"", s.Priority, s.Tries, s.Timeout}
	}
	return orders{}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
