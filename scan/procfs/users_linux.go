package procfs

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"github.com/devops-trouble-map/dotm/report"
)

// Passwd is the file of passwd(5).
const Passwd = "/etc/passwd"

// Users turns user ids into names by passwd(5) alone, as Go does without cgo:
// asking a directory service could hang. An id without a name is its number.
type Users struct {
	file    string
	changed time.Time
	size    int64
	names   map[uint32]string
}

// NewUsers reads the names in a file like [Passwd].
func NewUsers(file string) *Users {
	u := &Users{file: file, names: map[uint32]string{}}
	u.Refresh()
	return u
}

// Refresh reads the file again if it changed.
func (u *Users) Refresh() {
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

// Name is what a user is called.
func (u *Users) Name(uid uint32) string {
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
