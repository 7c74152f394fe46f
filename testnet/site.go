package testnet

import (
	"bytes"
	"embed"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
)

//go:embed site
var pages embed.FS

// songSeconds makes song.wav a little larger than 8 MiB.
const songSeconds = 97

// WriteSite writes the demo's sample site into dir: pages, a style sheet, pictures and a sound file of more than 8 MiB.
func WriteSite(dir string) error {
	files := map[string][]byte{"song.wav": song(songSeconds)}
	for name, img := range map[string]image.Image{"pictures/dusk.png": dusk(960, 480), "pictures/ring.png": ring(640)} {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			return fmt.Errorf("draw %s: %w", name, err)
		}
		files[name] = b.Bytes()
	}
	err := fs.WalkDir(pages, "site", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := pages.ReadFile(name)
		files[name[len("site/"):]] = b
		return err
	})
	if err != nil {
		return fmt.Errorf("sample site: %w", err)
	}
	for name, b := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return fmt.Errorf("sample site: %w", err)
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return fmt.Errorf("sample site: %w", err)
		}
	}
	return nil
}

// dusk draws an evening sky with a moon over a ridge.
func dusk(w, h int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	rng := rand.New(rand.NewPCG(1, 2))
	for y := range h {
		t := float64(y) / float64(h)
		for x := range w {
			c := mix(color.RGBA{16, 22, 48, 255}, color.RGBA{232, 140, 84, 255}, math.Pow(t, 1.6))
			if t < 0.5 && rng.IntN(1800) == 0 {
				c = color.RGBA{236, 232, 210, 255}
			}
			if math.Hypot(float64(x-w*3/4), float64(y-h*2/5)) < float64(h)/12 {
				c = color.RGBA{250, 240, 214, 255}
			}
			ridge := 0.74 + 0.05*math.Sin(float64(x)/90) + 0.03*math.Sin(float64(x)/23+1)
			if t > ridge {
				c = color.RGBA{10, 12, 20, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

// ring draws nodes on a ring with their neighbours and some long links.
func ring(size int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	const nodes = 48
	at := func(i int) (x, y float64) {
		a := 2 * math.Pi * float64(i%nodes) / nodes
		r := float64(size) * 0.44
		return float64(size)/2 + r*math.Cos(a), float64(size)/2 + r*math.Sin(a)
	}
	line := func(i, j int, c color.RGBA) {
		x0, y0 := at(i)
		x1, y1 := at(j)
		steps := int(math.Hypot(x1-x0, y1-y0)) * 2
		for s := range steps {
			t := float64(s) / float64(steps)
			img.SetRGBA(int(x0+t*(x1-x0)), int(y0+t*(y1-y0)), c)
		}
	}
	for i := range nodes {
		line(i, i+1, color.RGBA{90, 90, 110, 255})
		line(i, i+3+i*i%17, color.RGBA{200, 150, 90, 255})
	}
	for i := range nodes {
		x, y := at(i)
		for dy := -5; dy <= 5; dy++ {
			for dx := -5; dx <= 5; dx++ {
				if dx*dx+dy*dy <= 25 {
					img.SetRGBA(int(x)+dx, int(y)+dy, color.RGBA{40, 48, 72, 255})
				}
			}
		}
	}
	return img
}

func mix(a, b color.RGBA, t float64) color.RGBA {
	f := func(x, y uint8) uint8 { return uint8(float64(x) + t*(float64(y)-float64(x))) }
	return color.RGBA{f(a.R, b.R), f(a.G, b.G), f(a.B, b.B), 255}
}

// song computes a nightjar's churr as a WAV file: 16 bit, mono, 44 100 Hz. About 40 notes a second, at two pitches in turn.
func song(seconds int) []byte {
	const rate = 44100
	n := seconds * rate
	b := make([]byte, 0, 44+2*n)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(36+2*n))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint16(b, 1)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, 2*rate)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(2*n))
	rng := rand.New(rand.NewPCG(3, 4))
	phase := 0.0
	for i := range n {
		t := float64(i) / rate
		pitch, pulses := 1700.0, 42.0
		if int(t/3)%2 == 1 {
			pitch, pulses = 1450.0, 34.0
		}
		phase += 2 * math.Pi * pitch / rate
		note := math.Mod(t*pulses, 1)
		envelope := math.Exp(-4*note) * (1 - math.Exp(-60*note))
		v := 0.5*math.Sin(phase)*envelope + 0.01*(rng.Float64()-0.5)
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(v*32000)))
	}
	return b
}
