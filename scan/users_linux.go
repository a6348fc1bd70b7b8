package scan

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

const passwdFile = "/etc/passwd"

// users turns user ids into names by passwd(5) alone, as Go does without cgo:
// asking a directory service could hang. An id without a name is its number.
type users struct {
	file    string
	changed time.Time
	size    int64
	names   map[uint32]string
}

func newUsers(file string) *users {
	u := &users{file: file, names: map[uint32]string{}}
	u.refresh()
	return u
}

// refresh reads the file again if it changed.
func (u *users) refresh() {
	info, err := os.Stat(u.file)
	if err != nil || (info.ModTime().Equal(u.changed) && info.Size() == u.size) {
		return
	}
	text, err := os.ReadFile(u.file)
	if err != nil {
		return
	}
	u.changed, u.size, u.names = info.ModTime(), info.Size(), parsePasswd(text)
}

func (u *users) name(uid uint32) string {
	name, ok := u.names[uid]
	if !ok {
		name = strconv.FormatUint(uint64(uid), 10)
		u.names[uid] = name
	}
	return name
}

// parsePasswd reads passwd(5); the first of several names of an id counts, as
// it does for getpwuid(3).
func parsePasswd(text []byte) map[uint32]string {
	names := map[uint32]string{}
	for line := range bytes.Lines(text) {
		fields := bytes.SplitN(line, []byte{':'}, 4)
		if len(fields) < 4 || len(fields[0]) == 0 || line[0] == '#' {
			continue
		}
		uid, err := strconv.ParseUint(string(fields[2]), 10, 32)
		if _, taken := names[uint32(uid)]; err != nil || taken {
			continue
		}
		names[uint32(uid)] = report.CleanName(string(fields[0]))
	}
	return names
}
