package look

import (
	"net/netip"
	"strconv"

	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/table"
	"github.com/devops-trouble-map/dotm/report"
)

// number is empty for 0: a table of trouble is read by what stands out.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// decimal writes n/unit with as many decimals as make two digits.
func decimal(n, unit float64) string {
	v := n / unit
	switch {
	case v == 0:
		return "0"
	case v >= 9.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 0.095:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// rttText writes microseconds as milliseconds.
func rttText(micros uint32) string { return decimal(float64(micros), 1000) + " ms" }

// ageText writes milliseconds in the one unit that fits.
func ageText(ms int64) string {
	const second, minute, hour, day = 1000, 60_000, 3_600_000, 86_400_000
	unit, name := int64(second), " s"
	switch {
	case ms >= 2*day:
		unit, name = day, " days"
	case ms >= 2*hour:
		unit, name = hour, " h"
	case ms >= 2*minute:
		unit, name = minute, " min"
	}
	return strconv.FormatInt(ms/unit, 10) + name
}

// bytesText writes an amount of bytes in powers of 1000.
func bytesText(n uint64) string {
	units := []string{" B", " kB", " MB", " GB", " TB", " PB", " EB"}
	v, unit := float64(n), 0
	for ; v >= 999.5 && unit < len(units)-1; unit++ {
		v /= 1000
	}
	switch {
	case n == 0:
		return ""
	case unit == 0:
		return strconv.FormatUint(n, 10) + units[0]
	}
	return decimal(v, 1) + units[unit]
}

// share writes a part of a whole in percent.
func share(part, whole uint64) string {
	return decimal(100*float64(part), float64(whole)) + " %"
}

// listenText writes what a service is bound to, "*" for every address.
func listenText(l *report.Listener) string {
	port := strconv.Itoa(int(l.Port))
	switch {
	case l.Address.IsUnspecified() && (l.Dual || l.Address.Is4()):
		return "*:" + port
	case l.Address.Is6():
		return "[" + l.Address.String() + "]:" + port
	}
	return l.Address.String() + ":" + port
}

// addressText writes an address so that a port may follow.
func addressText(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// queueText says what waits to be accepted, and what was turned away.
func queueText(l *report.Listener) table.Cell {
	var c table.Cell
	if l.Queue > 0 {
		c = table.Cell{Text: strconv.Itoa(int(l.Queue)) + "/" + strconv.Itoa(int(l.QueueMax)), Tone: table.Waiting}
	}
	if l.Queue > l.QueueMax || l.Drops > 0 {
		c.Tone = table.Alarm
	}
	if l.Drops > 0 {
		c.Text = listed(c.Text, strconv.FormatUint(l.Drops, 10)+" dropped")
	}
	return c
}

// listed adds to a list in a sentence.
func listed(list, item string) string {
	if list == "" {
		return item
	}
	return list + "; " + item
}

// troubleText words what is worth a word about a connection.
func troubleText(c *report.Connection) table.Cell {
	var out table.Cell
	say := func(t table.Tone, text string) {
		out.Text, out.Tone = listed(out.Text, text), max(out.Tone, t)
	}
	for _, attempts := range []struct {
		n    uint64
		fate string
	}{{c.Refused, " refused"}, {c.TimedOut, " timed out"}, {c.Failed, " failed"}} {
		if attempts.n > 0 {
			say(table.Alarm, number(attempts.n)+attempts.fate)
		}
	}
	h := c.Health
	if h == nil {
		return out
	}
	if h.Connecting > 0 {
		say(table.Waiting, since(console.Counted(h.Connecting, "waits", "wait")+" for an answer", h.ConnectingMS))
	}
	if h.CloseWait > 0 {
		say(table.Waiting, since(strconv.Itoa(h.CloseWait)+" in CLOSE-WAIT", h.CloseWaitMS))
	}
	if h.Segments > 0 && h.Retransmits*100 > h.Segments {
		say(table.Waiting, share(h.Retransmits, h.Segments)+" retransmitted")
	}
	return out
}

// since adds for how long, from a second on.
func since(text string, ms int64) string {
	if ms < 1000 {
		return text
	}
	return text + ", " + ageText(ms)
}

func pidText(pid int) string {
	if pid == 0 {
		return "-"
	}
	return strconv.Itoa(pid)
}
