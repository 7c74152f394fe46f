package crypto

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"testing"

	"filippo.io/edwards25519"
)

// draftVectors are the four Ed25519 vectors of draft-irtf-cfrg-signature-key-blinding-11, section 10.1.
var draftVectors = []struct{ name, skS, pkS, bk, pkR, message, context, signature string }{
	{
		name:      "random blind, empty context",
		skS:       "d142b3b1d532b0a516353a0746a6d43a86cee8efaf6b14ae85c2199072f47d93",
		pkS:       "cd875d3f46a8e8742cf4a6a9f9645d4153a394a5a0a8028c9041cd455d093cd5",
		bk:        "bb58c768d9b16571f553efd48207e64391e16439b79fe9409e70b38040c81302",
		pkR:       "666443ce8f03fa09240db73a584efad5462ffe346b14fd78fb666b25db29902f",
		message:   "68656c6c6f20776f726c64",
		signature: "5458111c708ce05cb0a1608b08dc649937dc22cf1da045eb866f2face50be930e79b44d57e5215a82ac227bdccccca52bfe509b96efe8e723cb42b5f14be5f0e",
	},
	{
		name:      "zero blind, empty context",
		skS:       "aa69e9cb50abf39b05ebc823242c4fd13ccadd0dadc1b45f6fcbf7be4f30db5d",
		pkS:       "5c9a9e271f204c931646aa079e2e66f0783ab3d29946eff37bd3b569e9c8e009",
		bk:        "0000000000000000000000000000000000000000000000000000000000000000",
		pkR:       "23eb5eccb9448ee8403c36595ccfd5edd7257ae70da69aa22282a0a7cd97e443",
		message:   "68656c6c6f20776f726c64",
		signature: "4e9f3ad2b14cf2f9bbf4b88a8832358a568bd69368b471dfabac594e8a8b33ab54978ecf902560ed754f011186c4c4dda65d158b96c1e6b99a8e150a26e51e03",
	},
	{
		name:      "random blind, context",
		skS:       "d1e5a0f806eb3c491566cef6d2d195e6bbf0a54c9de0e291a7ced050c63ea91c",
		pkS:       "8b37c949d39cddf4d2a0fc0da781ea7f85c7bfbdfeb94a3c9ecb5e8a3c24d65f",
		bk:        "05b235297dff87c492835d562c6e03c0f36b9c306f2dcb3b5038c2744d4e8a70",
		pkR:       "019b0a06107e01361facdad39ec16a9647c86c0086bc38825eb664b97d9c514d",
		message:   "68656c6c6f20776f726c64",
		context:   "d6bbaa0646f5617d3cbd1e22ef05e714d1ec7812efff793999667648b2cc54bc",
		signature: "f54214acb3c695c46b1e7aa2da947273cb19ec33d8215dde0f43a8f7250febb508f4a5007e3c96be6402074ec843d40358a281ff969c66c1724016208650dd09",
	},
	{
		name:      "zero blind, context",
		skS:       "89e3e3acef6a6c2d9b7c062199bf996f9ae96b662c73e2b445636f9f22d5012e",
		pkS:       "3f667a2305a8baf328a1d8e9ed726f278229607d28fb32d9933da7379947ac44",
		bk:        "0000000000000000000000000000000000000000000000000000000000000000",
		pkR:       "90a543dd29c6e6cd08ef85c43618f2d314139db5baed802383cf674310294e40",
		message:   "68656c6c6f20776f726c64",
		context:   "802def4d21c7c7d0fa4b48af5e85f8ebfc4119a04117c14d961567eaef2859f2",
		signature: "ce305a0f40a3270a84d2d9403617cdb89b7b4edf779b4de27f9acaadf171684b162e752c95f17b16aaca7c2662e69ba9696bdd230a107ecab973886e8d5bf00e",
	},
}

// draftBlind is step 2 of the draft's section 4.2: the scalar is the lower half of H(bk | 0 | ctx), unpruned, and the
// upper half is the second half of the signing prefix.
func draftBlind(bk, context []byte) (h *edwards25519.Scalar, prefix []byte) {
	digest := sha512.Sum512(append(append(append([]byte{}, bk...), 0), context...))
	var wide [64]byte
	copy(wide[:32], digest[:32])
	return scalarFromWide(&wide), digest[32:]
}

// The draft and Nightjar differ in where the blinding factor and the nonce's prefix come from; expansion of the seed,
// blinding of both halves of the key, signing and verifying are one code, which these vectors exercise.
func TestDraftVectorsReproduce(t *testing.T) {
	for _, v := range draftVectors {
		t.Run(v.name, func(t *testing.T) {
			seed := Key(unhex(t, v.skS))
			public := PublicKey(&seed)
			if hex.EncodeToString(public[:]) != v.pkS {
				t.Fatalf("public key is %x", public)
			}
			h, prefix2 := draftBlind(unhex(t, v.bk), unhex(t, v.context))
			point, ok := decodePoint(public[:])
			if !ok {
				t.Fatal("public key does not decode")
			}
			blinded := [32]byte(blindPoint(h, point).Bytes())
			if hex.EncodeToString(blinded[:]) != v.pkR {
				t.Fatalf("blinded key is %x", blinded)
			}
			s := expandSeed(&seed)
			a := blindScalar(h, &s.a)
			if got := new(edwards25519.Point).ScalarBaseMult(a).Bytes(); [32]byte(got) != blinded {
				t.Fatalf("signer's key is %x", got)
			}
			prefix := [64]byte(append(append([]byte{}, s.prefix[:]...), prefix2...))
			message := unhex(t, v.message)
			sig := sign(a, &blinded, &prefix, message)
			if hex.EncodeToString(sig[:]) != v.signature {
				t.Fatalf("signature is %x", sig)
			}
			if !ed25519.Verify(blinded[:], message, sig[:]) || !VerifySignature(&blinded, message, sig[:]) {
				t.Fatal("signature does not verify")
			}
		})
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
