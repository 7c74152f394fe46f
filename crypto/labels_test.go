package crypto

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func TestC2NoLabelIsAPrefixOfAnother(t *testing.T) {
	for i, a := range labels() {
		for j, b := range labels() {
			if i != j && strings.HasPrefix(string(b), string(a)) {
				t.Errorf("label %q begins with label %q", b, a)
			}
		}
	}
}

func TestC1BlockKeysDifferInEveryArgument(t *testing.T) {
	seen := map[Key]string{}
	for _, file := range []Key{{}, {1}, {31: 1}} {
		for _, segment := range []uint32{0, 1, 1 << 31} {
			for _, index := range []uint32{0, 1, 256, 1 << 31} {
				k := BlockKey(&file, segment, index)
				if other, ok := seen[k]; ok {
					t.Errorf("segment %d index %d has the key of %s", segment, index, other)
				}
				seen[k] = "another block"
				if again := BlockKey(&file, segment, index); again != k {
					t.Error("the same block has two keys")
				}
			}
		}
	}
}

// The values were computed with an independent HKDF (Python's hmac and hashlib): they pin the format.
func TestDerivationsArePinned(t *testing.T) {
	file := Key(bytes.Repeat([]byte{7}, KeySize))
	if k := BlockKey(&file, 3, 0x01020304); hex.EncodeToString(k[:]) != pinnedBlockKey {
		t.Errorf("block key is %x", k[:])
	}
	if k := DeriveKey([]byte("word"), LabelKeywordSeed, nil); hex.EncodeToString(k[:]) != pinnedSeed {
		t.Errorf("keyword seed is %x", k[:])
	}
}

const (
	pinnedBlockKey = "cf7bdf516adc92ea7bae19c388cbcd8c2298cefac7ebbb90cf928411ddc53853"
	pinnedSeed     = "4fc1b7a01bb854644da9ea5b5c0673543453923c235245f1d52ea316cd2698f5"
)
