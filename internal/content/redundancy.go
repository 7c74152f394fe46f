package content

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"nightjar/crypto/erasure"
)

// Redundancy says how many blocks a segment has for each of its data blocks, in quarters; 0 is the standard, which is 2
// (more for segments of up to 16 data blocks, see erasure.Total). Others have in proportion more or fewer blocks than the
// standard: 3 is half as many again, whatever the segment's size.
type Redundancy uint8

var errRedundancy = errors.New("content: a redundancy that does not exist")

const (
	minRedundancy = 5  // 1.25: a check block for every four data blocks
	maxRedundancy = 16 // 4: a full segment has erasure.MaxTotal blocks
	standardShare = 8  // what 0 stands for, and is never written as
)

// ParseRedundancy reads a number from 1.25 to 4 in steps of 0.25: how many blocks are inserted for each block of data.
func ParseRedundancy(s string) (Redundancy, error) {
	f, err := strconv.ParseFloat(s, 64)
	q := 4 * f
	if err != nil || strings.Trim(s, "0123456789.") != "" || !(q >= minRedundancy && q <= maxRedundancy) || q != float64(int(q)) {
		return 0, fmt.Errorf("content: %q is no redundancy: it is a number from 1.25 to 4 in steps of 0.25; the standard is 2", s)
	}
	if q == standardShare {
		return 0, nil
	}
	return Redundancy(q), nil
}

// String is what ParseRedundancy reads.
func (r Redundancy) String() string { return strconv.FormatFloat(float64(r.share())/4, 'f', -1, 64) }

// valid reports whether the format has this redundancy (SPEC §4).
func (r Redundancy) valid() bool {
	return r == 0 || r >= minRedundancy && r <= maxRedundancy && r != standardShare
}

func (r Redundancy) share() int {
	if r == 0 {
		return standardShare
	}
	return int(r)
}

// total is n, the number of blocks of a segment with k data blocks: the standard's share, rounded up.
func (r Redundancy) total(k int) int {
	return (erasure.Total(k)*r.share() + standardShare - 1) / standardShare
}
