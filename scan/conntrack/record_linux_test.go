package conntrack

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan/netlink"
)

// record writes, with -update, the kernel's whole table as two files of
// testdata: NAME.hex holds its messages, NAME.txt what conntrack(8) makes of
// the same table, as a witness that is not this package.
func record(t *testing.T, s *space, name string) {
	t.Helper()
	if !*update {
		return
	}
	var raw []byte
	s.do(func() (err error) { raw, err = rawTable(); return err })
	text := s.run("", "conntrack", "-L", "-f", "ipv4") + s.run("", "conntrack", "-L", "-f", "ipv6")
	must(t, os.WriteFile(filepath.Join("testdata", name+".hex"), []byte(hex.Dump(raw)), 0o600))
	must(t, os.WriteFile(filepath.Join("testdata", name+".txt"), []byte(text), 0o600))
}

// rawTable returns the kernel's answer as it comes.
func rawTable() ([]byte, error) {
	var all []byte
	buf := make([]byte, answerBuffer)
	c, err := netlink.Dial(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Send(request(filter{})); err != nil {
		return nil, err
	}
	for a := (answer{table: &Table{}}); !a.Done; {
		n, err := c.Receive(buf)
		if err != nil {
			return nil, err
		}
		all = append(all, buf[:n]...)
		if err := a.parse(buf[:n]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// recorded returns the messages of a file that record wrote.
func recorded(t testing.TB, file string) (raw []byte) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		_, bytes, _ := strings.Cut(line, "  ") // behind the offset
		bytes, _, _ = strings.Cut(bytes, "|")  // before the letters
		part, err := hex.DecodeString(strings.Join(strings.Fields(bytes), ""))
		must(t, err)
		raw = append(raw, part...)
	}
	return raw
}

func recordings(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.hex")
	must(t, err)
	if len(files) < 9 {
		t.Fatalf("testdata has %d recordings", len(files))
	}
	return files
}

// witnessed returns the translated flows that conntrack(8) lists, from lines
// as
//
//	tcp 6 431999 ESTABLISHED src=A dst=B sport=1 dport=2 src=C dst=D sport=3 dport=4 [ASSURED] mark=0 use=1
func witnessed(t testing.TB, file string) (flows []Flow) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	states := map[string]State{
		"SYN_SENT": SynSent, "SYN_RECV": SynReceived, "ESTABLISHED": Established, "FIN_WAIT": FinWait,
		"CLOSE_WAIT": CloseWait, "LAST_ACK": LastAck, "TIME_WAIT": TimeWait, "CLOSE": Close, "SYN_SENT2": SynSent2,
	}
	for line := range strings.Lines(string(text)) {
		f := Flow{Answered: !strings.Contains(line, "[UNREPLIED]"), Assured: strings.Contains(line, "[ASSURED]")}
		var addresses []netip.Addr
		var ports []uint16
		for _, word := range strings.Fields(line) {
			key, value, _ := strings.Cut(word, "=")
			switch key {
			case "tcp", "udp":
				f.Protocol = report.Protocol(key)
			case "src", "dst":
				addresses = append(addresses, netip.MustParseAddr(value))
			case "sport", "dport":
				n, err := strconv.ParseUint(value, 10, 16)
				must(t, err)
				ports = append(ports, uint16(n))
			default:
				f.State = max(f.State, states[word])
			}
		}
		if len(addresses) != 4 || len(ports) != 4 {
			continue // ICMP, and what is written at the end
		}
		at := func(i int) netip.AddrPort { return netip.AddrPortFrom(addresses[i], ports[i]) }
		f.From, f.Called, f.Server, f.Seen = at(0), at(1), at(2), at(3)
		if f.Source() || f.Destination() {
			flows = append(flows, f)
		}
	}
	return flows
}

// TestRecorded: the kernel's messages say the same to us as to conntrack(8).
func TestRecorded(t *testing.T) {
	total := 0
	for _, file := range recordings(t) {
		name := strings.TrimSuffix(file, ".hex")
		t.Run(filepath.Base(name), func(t *testing.T) {
			table := Table{limit: 100}
			a := answer{table: &table}
			must(t, a.parse(recorded(t, file)))
			table.index()
			got, want := slices.Collect(table.All()), witnessed(t, name+".txt")
			slices.SortFunc(got, compareFlows)
			slices.SortFunc(want, compareFlows)
			if !a.Done || a.Interrupted || !slices.Equal(got, want) {
				t.Errorf("done %t, interrupted %t, got\n%+v\nwant\n%+v", a.Done, a.Interrupted, got, want)
			}
			total += len(want)
		})
	}
	if total < 15 {
		t.Errorf("the recordings hold %d flows only", total)
	}
}

// Of linux/netfilter/nfnetlink_conntrack.h: what only tests send.
const (
	ctaTimeout       = 7
	ctaNATDst        = 13
	ctaNATv4MinIP    = 1
	ctaNATProto      = 3
	ctaProtoNATMin   = 1
	ipsConfirmed     = 1 << 3
	insertedLifetime = 3600 // seconds
)

// insert has the kernel track n connections that nobody made, those with the
// numbers from first on. Of these, the ones that every divides lead elsewhere;
// none if it is 0.
func insert(first, n, every int) error {
	return insertAll(first, n, func(i int) []byte {
		client, called := inserted(i)
		b := append(nest(ctaTupleOrig, tupleBody(client, called)), nest(ctaTupleReply, tupleBody(called, client))...)
		if every > 0 && i%every == 0 {
			b = append(b, nest(ctaNATDst, append(attribute(ctaNATv4MinIP, 10, 0, 2, 2),
				nest(ctaNATProto, attribute(ctaProtoNATMin, 0, 80))...))...)
		}
		return b
	})
}

// insertUnmarked has n connections tracked that lead elsewhere and aren't
// marked so.
func insertUnmarked(first, n int) error {
	return insertAll(first, n, func(i int) []byte {
		client, called := inserted(i)
		server := netip.MustParseAddrPort("10.0.2.2:80")
		return append(nest(ctaTupleOrig, tupleBody(client, called)), nest(ctaTupleReply, tupleBody(server, client))...)
	})
}

// inserted are the addresses of a connection by its number.
func inserted(i int) (client, called netip.AddrPort) {
	client = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 22), byte(i >> 14)}), uint16(i&0x3fff)+1024)
	return client, netip.MustParseAddrPort("10.96.0.1:443")
}

func insertAll(first, n int, tuples func(int) []byte) error {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer c.Close()
	state := nest(ctaProtoinfo, nest(ctaProtoinfoTCP, attribute(ctaProtoinfoTCPState, byte(Established))))
	buf := make([]byte, 4096)
	for i := first; i < first+n; i++ {
		b := append([]byte{unix.AF_INET, unix.NFNETLINK_V0, 0, 0}, tuples(i)...)
		b = appendWord(b, ctaTimeout, insertedLifetime)
		b = appendWord(b, ctaStatus, ipsConfirmed|ipsSeenReply|ipsAssured)
		m := message(ctNew, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL, append(b, state...)...)
		a := answer{table: &Table{}}
		if err := c.Ask(context.Background(), m, buf, &a.Answer, &a); err != nil {
			return fmt.Errorf("inserting connection %d: %w", i, err)
		}
	}
	return nil
}
