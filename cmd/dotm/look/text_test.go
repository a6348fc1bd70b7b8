package look

import (
	"testing"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{number(0), ""},
		{number(17), "17"},
		{console.Counted(0, "service", "services"), "0 services"},
		{console.Counted(1, "service", "services"), "1 service"},
		{console.Counted(2, "service", "services"), "2 services"},
		{rttText(0), "0 ms"},
		{rttText(7), "0.01 ms"},
		{rttText(37), "0.04 ms"},
		{rttText(94), "0.09 ms"},
		{rttText(96), "0.1 ms"},
		{rttText(310), "0.3 ms"},
		{rttText(9_900), "9.9 ms"},
		{rttText(9_960), "10 ms"},
		{rttText(35_400), "35 ms"},
		{rttText(1_234_000), "1234 ms"},
		{rttText(^uint32(0)), "4294967 ms"},
		{ageText(0), "0 s"},
		{ageText(12_400), "12 s"},
		{ageText(119_999), "119 s"},
		{ageText(120_000), "2 min"},
		{ageText(7_199_999), "119 min"},
		{ageText(7_200_000), "2 h"},
		{ageText(172_799_999), "47 h"},
		{ageText(172_800_000), "2 days"},
		{ageText(1 << 62), "53375995583 days"},
		{bytesText(0), ""},
		{bytesText(999), "999 B"},
		{bytesText(1000), "1.0 kB"},
		{bytesText(12_345), "12 kB"},
		{bytesText(999_600), "1.0 MB"},
		{bytesText(1_500_000), "1.5 MB"},
		{bytesText(^uint64(0)), "18 EB"},
		{share(1, 100), "1.0 %"},
		{share(3, 1000), "0.3 %"},
		{share(100, 100), "100 %"},
		{share(1, 100_000), "0.00 %"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestListenText(t *testing.T) {
	for want, l := range map[string]report.Listener{
		"*:80":               {Address: addr("0.0.0.0"), Port: 80},
		"*:81":               {Address: addr("::"), Dual: true, Port: 81},
		"[::]:80":            {Address: addr("::"), Port: 80},
		"[::1]:80":           {Address: addr("::1"), Port: 80},
		"127.0.0.1:6379":     {Address: addr("127.0.0.1"), Port: 6379},
		"[2001:db8::1]:8443": {Address: addr("2001:db8::1"), Port: 8443},
	} {
		if got := listenText(&l); got != want {
			t.Errorf("%+v listens on %q, want %q", l, got, want)
		}
	}
}

func TestQueueText(t *testing.T) {
	for _, c := range []struct {
		queue, limit uint32
		drops        uint64
		want         string
		tone         table.Tone
	}{
		{0, 128, 0, "", table.Quiet},
		{3, 128, 0, "3/128", table.Waiting},
		{128, 128, 0, "128/128", table.Waiting}, // one more than the limit may wait
		{129, 128, 0, "129/128", table.Alarm},
		{0, 128, 1, "1 dropped", table.Alarm},
		{129, 128, 17, "129/128; 17 dropped", table.Alarm},
		{0, 0, 2, "2 dropped", table.Alarm}, // UDP
	} {
		got := queueText(&report.Listener{Queue: c.queue, QueueMax: c.limit, Drops: c.drops})
		if got.Text != c.want || got.Tone != c.tone {
			t.Errorf("%+v: got %q in tone %d", c, got.Text, got.Tone)
		}
	}
}

func TestTroubleText(t *testing.T) {
	health := func(h report.Health) report.Connection { return report.Connection{Health: &h} }
	for _, c := range []struct {
		row  report.Connection
		want string
		tone table.Tone
	}{
		{report.Connection{Count: 7, Opened: 9}, "", table.Quiet},
		{health(report.Health{Measured: 1, RTT: 500_000, Segments: 100, Retransmits: 1}), "", table.Quiet},
		{health(report.Health{Retransmits: 3}), "", table.Quiet},
		{health(report.Health{Segments: 100, Retransmits: 2}), "2.0 % retransmitted", table.Waiting},
		{health(report.Health{Connecting: 1, ConnectingMS: 999}), "1 waits for an answer", table.Waiting},
		{health(report.Health{Connecting: 3, ConnectingMS: 12_400}), "3 wait for an answer, 12 s", table.Waiting},
		{health(report.Health{CloseWait: 5, CloseWaitMS: 130_000}), "5 in CLOSE-WAIT, 2 min", table.Waiting},
		{health(report.Health{CloseWait: 1}), "1 in CLOSE-WAIT", table.Waiting},
		{report.Connection{Refused: 17}, "17 refused", table.Alarm},
		{report.Connection{TimedOut: 2, Failed: 1}, "2 timed out; 1 failed", table.Alarm},
		{
			report.Connection{Refused: 1, Health: &report.Health{Connecting: 1, CloseWait: 2, Segments: 10, Retransmits: 5}},
			"1 refused; 1 waits for an answer; 2 in CLOSE-WAIT; 50 % retransmitted", table.Alarm,
		},
	} {
		if got := troubleText(&c.row); got.Text != c.want || got.Tone != c.tone {
			t.Errorf("got %q in tone %d, want %q in %d", got.Text, got.Tone, c.want, c.tone)
		}
	}
}

func TestHealthCells(t *testing.T) {
	texts := func(c report.Connection) (list []string) {
		for _, cell := range healthCells(nil, &c) {
			list = append(list, cell.Text)
		}
		return list
	}
	for _, c := range []struct {
		row  report.Connection
		want []string
	}{
		{report.Connection{}, []string{"", "", "", "", "", "", "", "", ""}},
		{
			report.Connection{Refused: 1, TimedOut: 2, Failed: 3, Health: &report.Health{
				Measured: 2, RTT: 310, RTTVar: 40, Segments: 200, Retransmits: 1, Sent: 999, Received: 1000,
				Connecting: 4, ConnectingMS: 1000, CloseWait: 5,
			}},
			[]string{"1", "2", "3", "4, 1 s", "5", "0.3 ± 0.04 ms", "999 B", "1.0 kB", "1 (0.5 %)"},
		},
	} {
		got := texts(c.row)
		if len(got) != len(healthColumns) {
			t.Fatalf("%d cells for %d columns", len(got), len(healthColumns))
		}
		checkRows(t, got, c.want...)
	}
	if c := retransmitted(&report.Health{Segments: 10, Retransmits: 1}); c.Tone != table.Waiting || c.Text != "1 (10 %)" {
		t.Errorf("got %+v", c)
	}
}

func TestPlaceholders(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{console.OrHidden(""), "(hidden)"},
		{console.OrHidden("nginx"), "nginx"},
		{console.OrDash(""), "-"},
		{console.OrDash("root"), "root"},
		{pidText(0), "-"},
		{pidText(7), "7"},
		{validAddress(report.Connection{}.Local), ""},
		{validAddress(addr("::1")), "::1"},
		{validEnd(report.Connection{}.Via), ""},
		{addressText(addr("::1")), "[::1]"},
		{addressText(addr("127.0.0.1")), "127.0.0.1"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
