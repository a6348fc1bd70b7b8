package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func pack(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDecodeErrors(t *testing.T) {
	good, err := json.Marshal(minimal())
	if err != nil {
		t.Fatal(err)
	}
	packed := pack(t, good)
	damaged := bytes.Clone(packed)
	damaged[len(damaged)-5] ^= 0xff // the checksum
	for _, tt := range []struct {
		name string
		body string
		want string
	}{
		{"empty", "", "report is not valid JSON: EOF"},
		{"one byte", "{", "report is not valid JSON: unexpected EOF"},
		{"not JSON", "hello", "report is not valid JSON: invalid character 'h' looking for beginning of value"},
		{"list", "[]", `report must be an object, is "array"`},
		{"cut", string(good[:40]), "report is not valid JSON: unexpected EOF"},
		{"garbage after", string(good) + "x", `report must be one JSON object and nothing after it, is "more text at byte 310"`},
		{"second report", string(good) + string(good), `report must be one JSON object and nothing after it, is "more text at byte 311"`},
		{"gzip header only", "\x1f\x8b", "unpacking report: unexpected EOF"},
		{"gzip cut", string(packed[:len(packed)/2]), "unpacking report: unexpected EOF"},
		{"gzip without its sum", string(packed[:len(packed)-8]), "unpacking report: unexpected EOF"},
		{"gzip damaged", string(damaged), "unpacking report: gzip: invalid checksum"},
		{"garbage after gzip", string(packed) + "garbage and more of it", "unpacking report: gzip: invalid header"},
		{"deep nesting", `{"x":` + strings.Repeat("[", 1<<20), "report must have objects and lists less than 32 deep in each other, is 32"},

		{"wrong type", `{"version":"1.0","sequence":"one"}`, `sequence must be a whole number, 0 or more, is "string"`},
		{"port too high", `{"listeners":[{"port":65536}]}`, `listeners.port must be a whole number from 0 to 65535, is "number 65536"`},
		{"port with a fraction", `{"listeners":[{"port":1.5}]}`, `listeners.port must be a whole number from 0 to 65535, is "number 1.5"`},
		{"count as text", `{"connections":[{"count":"5"}]}`, `connections.count must be a whole number, is "string"`},
		{"dual as number", `{"listeners":[{"dual":1}]}`, `listeners.dual must be true or false, is "number"`},
		{"name as number", `{"node":{"name":5}}`, `node.name must be a string, is "number"`},
		{"list as object", `{"listeners":{}}`, `listeners must be a list, is "object"`},
		{"object as list", `{"node":[]}`, `node must be an object, is "array"`},

		{"bad time", `{"time":"yesterday"}`, `time must be a time of RFC 3339, is "yesterday"`},
		{"bad prefix", `{"interfaces":[{"addresses":[]},{"addresses":["10.0.0.1/24","10.0.0.1"]}]}`, `interfaces[1].addresses[1] must be an address with prefix length, is "10.0.0.1"`},
		{"bad container address", `{"namespaces":[{"addresses":["10.0.0"]}]}`, `namespaces[0].addresses[0] must be an IP address, is "10.0.0"`},
		{"bad listener", `{"listeners":[{"address":"*"}]}`, `listeners[0].address must be an IP address, is "*"`},
		{"bad peer", `{"connections":[{"peer":"10.0.0.1","local":""},{"peer":"db1"}]}`, `connections[1].peer must be an IP address, is "db1"`},
		{"bad local", `{"connections":[{"peer":"::1","local":"::g"}]}`, `connections[0].local must be an IP address, is "::g"`},
		{"address of another type", `{"version":"1.0","connections":[{"peer":5}]}`, `connections.peer must be a string, is "number"`},
		{"empty time", `{"time":""}`, `time must be a time of RFC 3339, is ""`},
		{"time without zone", `{"time":"2026-03-01T12:00:00"}`, `time must be a time of RFC 3339, is "2026-03-01T12:00:00"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Decode(strings.NewReader(tt.body))
			if err == nil {
				t.Fatalf("decoded %+v, want an error", r)
			}
			if err.Error() != tt.want {
				t.Errorf("error\n got %s\nwant %s", err, tt.want)
			}
		})
	}
}

func TestDecodeReaderError(t *testing.T) {
	broken := errors.New("line cut")
	for _, read := range []string{"", "{", `{"version"`} {
		_, err := Decode(io.MultiReader(strings.NewReader(read), failing{broken}))
		if !errors.Is(err, broken) {
			t.Errorf("after %q: %v, want it to wrap %v", read, err, broken)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// padded is a valid report of exactly n bytes.
func padded(t *testing.T, n int) []byte {
	t.Helper()
	b, err := json.Marshal(minimal())
	if err != nil {
		t.Fatal(err)
	}
	return append(b, bytes.Repeat([]byte{' '}, n-len(b))...)
}

func TestDecodeLimit(t *testing.T) {
	fits, over := padded(t, MaxBytes), padded(t, MaxBytes+1)
	for name, body := range map[string][]byte{"plain": fits, "gzip": pack(t, fits)} {
		if _, err := Decode(bytes.NewReader(body)); err != nil {
			t.Errorf("%s at the limit: %v", name, err)
		}
	}
	for name, body := range map[string][]byte{"plain": over, "gzip": pack(t, over)} {
		_, err := Decode(bytes.NewReader(body))
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s above the limit: %v, want ErrTooLarge", name, err)
		}
		if want := "report too large: report must be at most 8388608 bytes unpacked"; err != nil && err.Error() != want {
			t.Errorf("%s: got %q, want %q", name, err, want)
		}
	}
}

// zeros is an endless stream of them.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestDecodeBomb unpacks what would be 128 MiB and watches how much is allocated
// in all on the way.
func TestDecodeBomb(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	if _, err := io.CopyN(w, zeros{}, 128<<20); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(&bomb)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	// io.ReadAll grows by a quarter at a time: all its buffers together are a
	// small multiple of the limit.
	if used := after.TotalAlloc - before.TotalAlloc; used > 10*MaxBytes {
		t.Errorf("allocated %d bytes for a body of %d", used, MaxBytes)
	}
}

func TestDecodeEndless(t *testing.T) {
	if _, err := Decode(zeros{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestDecodeOneSpelling(t *testing.T) {
	r, err := Decode(strings.NewReader(`{
		"namespaces":[{"addresses":["::ffff:172.17.0.2"]}],
		"listeners":[{"address":"::ffff:10.0.0.1"},{"address":"fe80::1%eth0"}],
		"connections":[{"peer":"::ffff:10.0.0.2","local":"fe80::1%eth0"},{"peer":"fe80::2%eth0","via":"[::ffff:10.0.0.3]:80"}],
		"forwards":[{"from":"[::ffff:10.0.0.4]:80","to":"[fe80::3%eth0]:81"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{
		r.Namespaces[0].Addresses[0].String(), r.Listeners[0].Address.String(), r.Listeners[1].Address.String(),
		r.Connections[0].Peer.String(), r.Connections[0].Local.String(), r.Connections[1].Peer.String(),
		r.Connections[1].Via.String(), r.Forwards[0].From.String(), r.Forwards[0].To.String(),
	}
	want := []string{"172.17.0.2", "10.0.0.1", "fe80::1", "10.0.0.2", "fe80::1", "fe80::2", "10.0.0.3:80", "10.0.0.4:80", "[fe80::3]:81"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEncodeError(t *testing.T) {
	for writes, want := range []string{"encoding report of db1: disk full", "packing report of db1: disk full"} {
		err := Encode(&filling{writes, errors.New("disk full")}, minimal())
		if err == nil || err.Error() != want {
			t.Errorf("after %d writes: got %v, want %s", writes, err, want)
		}
	}
}

// filling takes some writes and refuses the others.
type filling struct {
	left int
	err  error
}

func (f *filling) Write(p []byte) (int, error) {
	if f.left == 0 {
		return 0, f.err
	}
	f.left--
	return len(p), nil
}

// FuzzDecode promises that no body makes Decode or Validate panic, and that
// what is valid survives a round trip unchanged.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add(pack(f, raw))
	}
	f.Add([]byte(`{"version":"1.0","connections":[{"peer":"::ffff:1.2.3.4%x"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := Decode(bytes.NewReader(body))
		if err != nil || r.Validate(noon) != nil {
			return
		}
		var packed bytes.Buffer
		if err := Encode(&packed, r); err != nil {
			t.Fatalf("a valid report doesn't encode: %v", err)
		}
		again, err := Decode(&packed)
		if err != nil {
			t.Fatalf("an encoded report doesn't decode: %v", err)
		}
		if diff := cmp.Diff(r, again, sameAddresses); diff != "" {
			t.Errorf("(-first +again):\n%s", diff)
		}
		if err := again.Validate(noon); err != nil {
			t.Errorf("no longer valid: %v", err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	r := full()
	row := r.Connections[1]
	for range 1000 {
		r.Connections = append(r.Connections, row)
	}
	var packed bytes.Buffer
	if err := Encode(&packed, r); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(packed.Len()))
	for b.Loop() {
		got, err := Decode(bytes.NewReader(packed.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if err := got.Validate(noon); err != nil {
			b.Fatal(err)
		}
	}
}

// TestEncoder: one encoder makes of each report what [Encode] makes of it.
func TestEncoder(t *testing.T) {
	var e Encoder
	for _, r := range []*Report{full(), minimal(), full()} {
		var one, other bytes.Buffer
		if err := errors.Join(e.Encode(&one, r), Encode(&other, r)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one.Bytes(), other.Bytes()) {
			t.Errorf("%d bytes differ from %d", one.Len(), other.Len())
		}
	}
}
