// Command gopsutil lists the TCP sockets of this host with their processes,
// by the library gopsutil: what a program in Go would usually do. bench/agent
// compares its cost. It is a module of its own, so that dotm's has no part of it.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gopsutil:", err)
		os.Exit(1)
	}
}

func run() error {
	list, err := net.Connections("tcp")
	if err != nil {
		return fmt.Errorf("listing connections: %w", err)
	}
	names := map[int32]string{}
	out := bufio.NewWriter(os.Stdout)
	for i := range list {
		c := &list[i]
		name, known := names[c.Pid]
		if !known {
			name = nameOf(c.Pid)
			names[c.Pid] = name
		}
		fmt.Fprintf(out, "%s %s:%d %s:%d %s/%d\n", c.Status, c.Laddr.IP, c.Laddr.Port, c.Raddr.IP, c.Raddr.Port, name, c.Pid)
	}
	return out.Flush()
}

// nameOf is the name of a process, or a dash where nobody owns the socket.
func nameOf(pid int32) string {
	if pid == 0 {
		return "-"
	}
	p, err := process.NewProcess(pid)
	if err != nil {
		return "-"
	}
	name, err := p.Name()
	if err != nil {
		return "-"
	}
	return name
}
