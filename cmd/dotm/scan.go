package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/scan"
)

type scanCmd struct{}

// Run looks once and prints a table.
func (scanCmd) Run(ctx context.Context, g *globals) error {
	scanner, err := scan.New(scan.Options{OwnPIDs: scan.SameProgram(), OneLook: true})
	if err != nil {
		return fmt.Errorf("preparing to look at this machine: %w", err)
	}
	defer scanner.Close() //nolint:errcheck // the process ends
	r, err := scanner.Scan(ctx)
	if err != nil {
		return fmt.Errorf("looking at this machine: %w", err)
	}
	r.Version, r.Agent.Version = report.Version, version
	if g.JSON {
		return writeJSON(g.out, r)
	}
	return printReport(g.out, r)
}

// printReport prints services, then connections, then what was not seen.
func printReport(out io.Writer, r *report.Report) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SERVICE\tPROTO\tLISTENS ON\tUSER\tPID")
	for i := range r.Listeners {
		l := &r.Listeners[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", orHidden(l.Process), l.Protocol, listenText(l), orDash(l.User), pidText(l.PID))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nCONNECTION\tPROTO\tPEER\tOPEN\tUSER\tPID")
	for i := range r.Connections {
		c := &r.Connections[i]
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", connectionText(c), c.Protocol, c.Peer, c.Count, orDash(c.User), pidText(c.PID))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d services, %d connections from %d sockets in %.1f ms.\n",
		len(r.Listeners), len(r.Connections), r.Coverage.Sockets, float64(r.Cost.WallMicros)/1e3)
	printNotes(out, r.Notes)
	return nil
}

// printNotes says what could not be seen, a line each.
func printNotes(out io.Writer, notes []report.Note) {
	for _, n := range notes {
		fmt.Fprintln(out, strings.TrimSpace(n.Text+" "+n.Hint))
	}
}

// connectionText reads from client to service: "curl → :443", "nginx:80 ← ",
// "x — y" where the direction is unknown.
func connectionText(c *report.Connection) string {
	name := orHidden(c.Process)
	switch c.Direction {
	case report.In:
		return fmt.Sprintf("%s:%d ←", name, c.Port)
	case report.Out:
		return fmt.Sprintf("%s → :%d", name, c.Port)
	case report.Unknown:
	}
	return fmt.Sprintf("%s:%d — :%d", name, c.LocalPort, c.Port)
}

func listenText(l *report.Listener) string {
	addr := l.Address.String()
	if l.Address.IsUnspecified() && (l.Dual || l.Address.Is4()) {
		addr = "*"
	}
	if l.Address.Is6() && !l.Dual {
		return netip.AddrPortFrom(l.Address, l.Port).String()
	}
	return addr + ":" + strconv.Itoa(int(l.Port))
}

func orHidden(process string) string {
	if process == "" {
		return "(hidden)"
	}
	return process
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func pidText(pid int) string {
	if pid == 0 {
		return "-"
	}
	return strconv.Itoa(pid)
}
