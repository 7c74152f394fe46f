package jobs

import (
	"context"

	"nightjar/internal/content"
	"nightjar/keys"
)

// maxHealthPath bounds the path of the weakest segment that a record remembers.
const maxHealthPath = keys.MaxPath

// attemptKeep looks what is left of the content, and repairs it unless it shall only look. Begun anew it does no harm: what it asks for and inserts
// is what the network says is missing now.
func (j *Job) attemptKeep(ctx context.Context) error {
	o := content.KeepOptions{Parallel: parallel, Progress: j.report, Sample: j.q.keep.Sample, MaxBlocks: j.q.keep.MaxBlocks}
	network := j.shared().around(func(n Network) Network { return &counting{n, j.brought} })
	var h content.Health
	var err error
	if j.q.keep.Check {
		h, err = content.Check(ctx, network, j.q.keep.URI, o)
	} else {
		h, err = content.Keep(ctx, network, network, j.q.keep.URI, o)
	}
	if err == nil || h.Blocks > 0 {
		j.change(func(s *Snapshot) { s.Health = &h })
	}
	return err
}

// counting counts what goes over the network.
type counting struct {
	Network
	moved func()
}

func (c *counting) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	b, err := c.Network.Fetch(ctx, id, top)
	if err == nil {
		c.moved()
	}
	return b, err
}

func (c *counting) Insert(ctx context.Context, b keys.Block, top bool) error {
	err := c.Network.Insert(ctx, b, top)
	if err == nil {
		c.moved()
	}
	return err
}

// healthRecord is what a record remembers of a content.Health: all but the list of segments.
type healthRecord struct {
	Count    uint64        `cbor:"1,keyasint,omitempty"`
	Blocks   uint64        `cbor:"2,keyasint,omitempty"`
	Missing  uint64        `cbor:"3,keyasint,omitempty"`
	Repaired uint64        `cbor:"4,keyasint,omitempty"`
	Lost     uint64        `cbor:"5,keyasint,omitempty"`
	Weakest  segmentRecord `cbor:"6,keyasint"`
}

type segmentRecord struct {
	Path     string `cbor:"1,keyasint,omitempty"`
	Table    bool   `cbor:"2,keyasint,omitempty"`
	Needed   int    `cbor:"3,keyasint,omitempty"`
	Blocks   int    `cbor:"4,keyasint,omitempty"`
	Asked    int    `cbor:"5,keyasint,omitempty"`
	Found    int    `cbor:"6,keyasint,omitempty"`
	Repaired int    `cbor:"7,keyasint,omitempty"`
}

func newHealthRecord(h *content.Health) *healthRecord {
	if h == nil {
		return nil
	}
	w := segmentRecord(h.Weakest)
	w.Path = cut(w.Path, maxHealthPath)
	return &healthRecord{h.Count, h.Blocks, h.Missing, h.Repaired, h.Lost, w}
}

func (r *healthRecord) health() *content.Health {
	if r == nil {
		return nil
	}
	return &content.Health{
		Count: r.Count, Blocks: r.Blocks, Missing: r.Missing, Repaired: r.Repaired, Lost: r.Lost, Weakest: content.SegmentHealth(r.Weakest),
	}
}

func (r *healthRecord) sound() bool {
	if r == nil {
		return true
	}
	w := r.Weakest
	return len(w.Path) <= maxHealthPath && min(w.Needed, w.Blocks, w.Asked, w.Found, w.Repaired) >= 0
}
