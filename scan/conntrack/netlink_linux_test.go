package conntrack

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRequest compares with what the kernel's headers ask for, byte by byte,
// on machines with the low byte first.
func TestRequest(t *testing.T) {
	all := []byte{20, 0, 0, 0, 1, 1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if got := request(filter{}); !slices.Equal(got, all) {
		t.Errorf("got % x, want % x", got, all)
	}
	some := slices.Concat([]byte{36}, all[1:], []byte{8, 0, 3, 0, 0, 0, 0, 0x10, 8, 0, 26, 0, 0, 0, 0, 0x30})
	if got := request(fromAnother); !slices.Equal(got, some) {
		t.Errorf("got % x, want % x", got, some)
	}
}

// script is a kernel that answers one request after the other.
type script struct {
	answers []scripted
	asked   []filter
}

type scripted struct {
	messages []byte
	err      error
}

func (s *script) talk(_ context.Context, _, _ []byte, a *answer) error {
	next := s.answers[min(len(s.asked), len(s.answers)-1)]
	s.asked = append(s.asked, a.filter)
	if err := a.parse(next.messages); err != nil {
		return err
	}
	return next.err
}

// reader returns a Reader of a namespace in which so many are tracked.
func (s *script) reader(t *testing.T) *Reader {
	r := New(Options{Proc: fakeProc(t, map[string]string{"sys/net/netfilter/nf_conntrack_count": "9\n"})})
	r.talk = s.talk
	return r
}

func TestConversation(t *testing.T) {
	flow := func(port int, bits uint32) []byte {
		client := fmt.Sprintf("192.0.2.7:%d", port)
		server, seen := "203.0.113.1:80", client
		if bits&ipsDstNAT != 0 {
			server = "10.0.0.2:8080"
		}
		if bits&ipsSrcNAT != 0 {
			seen = fmt.Sprintf("10.0.0.1:%d", port)
		}
		return message(ctNew, unix.NLM_F_MULTI, told(unix.IPPROTO_TCP, client, "203.0.113.1:80", server, seen, status(bits))...)
	}
	whole := func(messages ...[]byte) scripted {
		return scripted{messages: append(slices.Concat(messages...), done...)}
	}
	part := func(err error, messages ...[]byte) scripted {
		return scripted{messages: slices.Concat(messages...), err: err}
	}
	refused := func(no unix.Errno) scripted {
		return scripted{messages: message(unix.NLMSG_ERROR, 0, errorBody(no)...)}
	}
	interrupted := whole(flow(1, ipsDstNAT), message(unix.NLMSG_NOOP, unix.NLM_F_DUMP_INTR))
	tests := []struct {
		name       string
		answers    []scripted
		asked      []filter
		flows      int
		incomplete bool
		fails      error
	}{
		{
			"a kernel that heeds the filter",
			[]scripted{whole(flow(1, ipsDstNAT), flow(2, ipsDstNAT|ipsSrcNAT)), whole(flow(3, ipsSrcNAT))},
			[]filter{toAnother, fromAnother},
			3, false, nil,
		},
		{
			"one that doesn't",
			[]scripted{whole(flow(4, 0), flow(3, ipsSrcNAT), flow(1, ipsDstNAT))},
			[]filter{toAnother},
			2, false, nil,
		},
		{
			"one that doesn't, where that can't be seen",
			[]scripted{whole(flow(1, ipsDstNAT), flow(2, ipsDstNAT))},
			[]filter{toAnother, fromAnother},
			2, false, nil,
		},
		{
			"interrupted once",
			[]scripted{interrupted, whole(flow(1, ipsDstNAT)), whole(flow(2, ipsSrcNAT))},
			[]filter{toAnother, toAnother, fromAnother},
			2, false, nil,
		},
		{
			"interrupted at the second request",
			[]scripted{whole(flow(1, ipsDstNAT)), interrupted, whole(flow(1, ipsDstNAT)), whole()},
			[]filter{toAnother, fromAnother, toAnother, fromAnother},
			1, false, nil,
		},
		{
			"interrupted for ever",
			[]scripted{interrupted},
			[]filter{toAnother, toAnother, toAnother},
			1, true, nil,
		},
		{
			"no room in the kernel, once",
			[]scripted{part(unix.ENOBUFS, flow(7, ipsDstNAT)), whole(flow(1, ipsDstNAT)), whole()},
			[]filter{toAnother, toAnother, fromAnother},
			1, false, nil,
		},
		{
			"no room in the kernel",
			[]scripted{part(unix.ENOBUFS, flow(1, ipsDstNAT))},
			[]filter{toAnother, toAnother, toAnother},
			1, true, nil,
		},
		{"no right", []scripted{refused(unix.EPERM)}, []filter{toAnother}, 0, false, ErrRefused},
		{"no right by SELinux", []scripted{part(unix.EACCES)}, []filter{toAnother}, 0, false, ErrRefused},
		{"no right by systemd", []scripted{part(unix.EAFNOSUPPORT)}, []filter{toAnother}, 0, false, ErrRefused},
		{"no ctnetlink", []scripted{refused(unix.EINVAL)}, []filter{toAnother}, 0, false, ErrUnlisted},
		{"no nfnetlink", []scripted{part(unix.EPROTONOSUPPORT)}, []filter{toAnother}, 0, false, ErrUnlisted},
		{"no memory", []scripted{part(unix.ENOMEM, flow(1, ipsDstNAT))}, []filter{toAnother}, 0, false, unix.ENOMEM},
		{"nonsense", []scripted{part(nil, message(99, 0))}, []filter{toAnother}, 0, false, errAny},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := script{answers: tt.answers}
			var table Table
			err := s.reader(t).Read(context.Background(), &table)
			if tt.fails == errAny && err != nil {
				err = errAny
			}
			if !errors.Is(err, tt.fails) || table.Len() != tt.flows || table.Incomplete != tt.incomplete || table.Tracked != 9 {
				t.Errorf("got %v, %d flows of %d, incomplete %t, want %v, %d of 9, %t",
					err, table.Len(), table.Tracked, table.Incomplete, tt.fails, tt.flows, tt.incomplete)
			}
			if !slices.Equal(s.asked, tt.asked) {
				t.Errorf("asked for %v, want %v", s.asked, tt.asked)
			}
		})
	}
}

var errAny = errors.New("any error")

// TestFew: where asking for all costs less than two walks, all are asked for.
func TestFew(t *testing.T) {
	for buckets, want := range map[string][]filter{
		"783\n":   {toAnother, fromAnother}, // 9 × 87
		"870\n":   {{}},
		"65536\n": {{}},
	} {
		s := script{answers: []scripted{{messages: done}}}
		r := s.reader(t)
		r.files.size = filepath.Join(fakeProc(t, map[string]string{"buckets": buckets}), "buckets")
		must(t, r.Read(context.Background(), &Table{}))
		if !slices.Equal(s.asked, want) {
			t.Errorf("of 9 in %q places, asked for %v, want %v", buckets, s.asked, want)
		}
	}
}

// TestCancelled: a read ends with its context.
func TestCancelled(t *testing.T) {
	s := newSpace(t)
	s.do(func() error { return insert(0, 3, 1) })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var table Table
	err := s.try(func() error { return New(Options{}).Read(ctx, &table) })
	if !errors.Is(err, context.Canceled) || table.Len() != 0 {
		t.Errorf("got %v with %d flows, want that it was cancelled", err, table.Len())
	}
}

// TestMissingSubsystem: what this kernel says of a subsystem that it doesn't
// have is what we take it for.
func TestMissingSubsystem(t *testing.T) {
	s := newSpace(t)
	err := s.try(func() error {
		missing := request(filter{})
		missing[5] = 200 // no such subsystem
		return talk(context.Background(), missing, make([]byte, answerBuffer), &answer{})
	})
	if !errors.Is(explain(err), ErrUnlisted) {
		t.Errorf("got %v, want ErrUnlisted", err)
	}
}
