package netlink

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// message builds a netlink message, padded as the kernel pads.
func message(kind, flags uint16, body ...byte) []byte {
	b := append(AppendHeader(nil, unix.SizeofNlMsghdr+len(body), kind, flags), body...)
	return append(b, make([]byte, Align(len(b))-len(b))...)
}

func errorBody(no unix.Errno) []byte {
	return binary.NativeEndian.AppendUint32(nil, uint32(-int32(no)))
}

// told are the bodies of the messages of kind 20.
type told [][]byte

func (l *told) Take(kind uint16, body []byte) (bool, error) {
	*l = append(*l, body)
	return kind == 20, nil
}

// TestParse: messages are told one by one, without what pads them, until the
// kernel says that this was all.
func TestParse(t *testing.T) {
	var a Answer
	var got told
	must(t, a.Parse(slices.Concat(message(20, 0, 1, 2, 3), message(unix.NLMSG_NOOP, 0), message(20, 0), message(20, 0, 4)), &got))
	must(t, a.Parse(slices.Concat(message(20, 0, 5, 6, 7, 8), message(unix.NLMSG_DONE, 0, 0, 0, 0, 0), message(20, 0, 9)), &got))
	want := told{{1, 2, 3}, {}, {4}, {5, 6, 7, 8}}
	if !slices.EqualFunc(got, want, bytes.Equal) || !a.Done || a.Interrupted {
		t.Errorf("got %v, %+v", got, a)
	}
}

func TestParseErrors(t *testing.T) {
	long := message(20, 0, make([]byte, 72)...)
	tests := []struct {
		name string
		text []byte
		want string
	}{
		{"cut header", long[:15], "netlink message must have 16 bytes, has 15"},
		{"cut message", long[:60], "netlink message must have 16 to 60 bytes, has 88"},
		{"size below the header's", message(unix.NLMSG_NOOP, 0)[1:], "netlink message must have 16"},
		{"unknown type", message(99, 0), "netlink message has the unexpected type 99"},
		{"error", message(unix.NLMSG_ERROR, 0, errorBody(unix.EPERM)...), "kernel answered: operation not permitted"},
		{"error without a number", message(unix.NLMSG_ERROR, 0), "netlink error must have 4 bytes, has 0"},
		{"error at the end", message(unix.NLMSG_DONE, 0, errorBody(unix.ENOENT)...), "kernel answered: no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var a Answer
			if err := a.Parse(tt.text, &told{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	for _, tt := range []struct {
		name string
		text []byte
		want Answer
	}{
		{"nothing", message(unix.NLMSG_NOOP, 0), Answer{}},
		{"interrupted", message(20, unix.NLM_F_DUMP_INTR), Answer{Interrupted: true}},
		{"interrupted at the end", message(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, 0, 0, 0, 0), Answer{Done: true, Interrupted: true}},
		{"an end without a number", message(unix.NLMSG_DONE, 0), Answer{Done: true}},
		{"an acknowledgement", message(unix.NLMSG_ERROR, 0, 0, 0, 0, 0), Answer{Done: true}},
	} {
		var a Answer
		must(t, a.Parse(tt.text, &told{}))
		if a != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, a, tt.want)
		}
	}
}

// TestAttributes: attributes are walked over in their order, without their
// flags, up to the first that is broken.
func TestAttributes(t *testing.T) {
	attribute := func(kind uint16, value ...byte) []byte {
		b := append(AppendAttribute(nil, kind, unix.SizeofNlAttr+len(value)), value...)
		return append(b, make([]byte, Align(len(b))-len(b))...)
	}
	two := slices.Concat(attribute(7, 1, 2), attribute(3|unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER, 4))
	for _, tt := range []struct {
		name  string
		text  []byte
		kinds []uint16
	}{
		{"none", nil, nil},
		{"two", two, []uint16{7, 3}},
		{"the last without what pads it", two[:len(two)-3], []uint16{7, 3}},
		{"empty", attribute(9), []uint16{9}},
		{"cut", two[:len(two)-4], []uint16{7}},
		{"a header that is cut", two[:10], []uint16{7}},
		{"too small", slices.Concat(two, []byte{3, 0, 1, 0}, attribute(9)), []uint16{7, 3}},
		{"beyond the end", slices.Concat(two, []byte{9, 0, 1, 0}), []uint16{7, 3}},
	} {
		var kinds []uint16
		for at := AttributesOf(tt.text); at.Next(); {
			kinds = append(kinds, at.Kind)
			if at.Kind == 7 && !bytes.Equal(at.Value, []byte{1, 2}) || at.Kind == 3 && !bytes.Equal(at.Value, []byte{4}) {
				t.Errorf("%s: attribute %d is %v", tt.name, at.Kind, at.Value)
			}
		}
		if !slices.Equal(kinds, tt.kinds) {
			t.Errorf("%s: got %v, want %v", tt.name, kinds, tt.kinds)
		}
	}
}

// FuzzParse: whatever comes, neither the messages nor their attributes lead
// outside, and nothing is written.
func FuzzParse(f *testing.F) {
	f.Add(message(20, 0, AppendAttribute(nil, 7, 4)...))
	f.Add(append(message(unix.NLMSG_NOOP, 0), message(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, 0, 0, 0, 0)...))
	f.Add(message(unix.NLMSG_ERROR, 0, errorBody(unix.EPERM)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		given := slices.Clip(slices.Clone(b))
		var a Answer
		var got told
		_ = a.Parse(given, &got)
		size := 0
		for _, body := range got {
			size += unix.SizeofNlMsghdr + len(body)
			for at := AttributesOf(body); at.Next(); {
				if len(at.Value) > len(body)-unix.SizeofNlAttr {
					t.Errorf("an attribute of %d bytes in %d", len(at.Value), len(body))
				}
			}
		}
		if size > len(b) || !bytes.Equal(given, b) {
			t.Errorf("%d bytes of messages in %d, input unchanged: %t", size, len(b), bytes.Equal(given, b))
		}
	})
}
