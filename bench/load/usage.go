package load

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Usage is what a process has taken so far, and holds; see proc(5).
type Usage struct {
	CPU         float64 // seconds
	RSS, Anon   int64   // bytes; Anon is without pages of files
	Descriptors int
	Threads     int
}

// ticks is what CPU times are counted in on every Linux that Go runs on.
const ticks = 100

// UsageOf reads it.
func UsageOf(pid int) (u Usage, err error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return u, fmt.Errorf("%s/stat: too short", dir)
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	u.CPU = (user + system) / ticks
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		n, _ := strconv.ParseInt(words[1], 10, 64)
		switch words[0] {
		case "VmRSS:":
			u.RSS = n << 10
		case "RssAnon:":
			u.Anon = n << 10
		case "Threads:":
			u.Threads = int(n)
		}
	}
	list, err := os.ReadDir(dir + "/fd")
	u.Descriptors = len(list)
	return u, err
}
