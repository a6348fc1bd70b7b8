//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/test/need"
)

// guest is the first process of a machine with a clock of its own. It says lines that
// begin with SAY.
const guest = `#!/bin/sh
exec </dev/null
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmp /run
echo clocked > /proc/sys/kernel/hostname
ip link set lo up
api=http://127.0.0.1:4849
DOTM serve --listen 127.0.0.1:4849 --data /run/server --config DIR/dotm.yaml >/run/serve.log 2>&1 &
tries=0; until curl -sf $api/healthz >/dev/null || [ $((tries += 1)) -gt 300 ]; do sleep 0.2; done
DOTM agent --server $api --interval 1s --state /run/agent >/run/agent.log 2>&1 &
report() { # NAME: tells of a host, once
  sed "s/NAME/$1/g; s/2006-01-02T15:04:05Z/$(date -u +%FT%TZ)/" DIR/report.json |
    curl -s -o /dev/null -w "SAY report $1 %{http_code}\n" -H 'Content-Type: application/json' --data-binary @- $api/api/v1/reports
}
state() { curl -s $api/api/v1/nodes/$1 | grep -o '"state":"[a-z]*"' | head -n 1 | cut -d'"' -f4; }
seconds() { cut -d. -f1 /proc/uptime; }
until_state() { # NAME STATE: how long that takes, by a clock that nobody sets
  began=$(seconds); until [ "$(state $1)" = $2 ] || [ $(($(seconds) - began)) -gt 40 ]; do sleep 0.5; done
  echo "SAY until $1 $(state $1) $(($(seconds) - began))"
}
until_state clocked reporting
report ahead
date -u -s "@$(($(date +%s) + 7200))" >/dev/null
sleep 2
echo "SAY ahead $(state ahead)"
until_state ahead stale
report back
date -u -s "@$(($(date +%s) - 14400))" >/dev/null
sleep 2
echo "SAY back $(state back)"
until_state back stale
report new
until_state new reporting
echo "SAY agent $(state clocked)"
echo "SAY ready $(curl -s -o /dev/null -w '%{http_code}' $api/readyz)"
echo "SAY now $(date -u +%FT%TZ) $(curl -s $api/api/v1/nodes/clocked | sed -n 's/.*"last_report":"\([^"]*\)".*/\1/p')"
cat /run/serve.log /run/agent.log
poweroff -f
`

// TestClockIsSet sets the clock of a machine on which a server and an agent run: two hours
// ahead, then four back. The machine is a User Mode Linux, whose kernel has a clock of its
// own: no other process notices. Whoever reported a moment ago is alive, who is silent turns
// stale after its time and not after hours, and reports are taken in all the while.
func TestClockIsSet(t *testing.T) {
	need.Programs(t, "linux.uml", "curl", "ip", "poweroff")
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	r := host("NAME", 1, 80)
	r.Time, r.IntervalMS = time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC), 1000
	r.Node.Identity = report.Identity{Kind: report.IdentityMachine, Value: "NAME"}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	write("report.json", string(raw), 0o600)
	write("dotm.yaml", "settings: {stale_after: 12s}\n", 0o600)
	write("init", strings.NewReplacer("DOTM", binary, "DIR", dir).Replace(guest), 0o700)
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "linux.uml", "mem=512M", "root=none", "rootfstype=hostfs", "rootflags=/", "ro", "init="+filepath.Join(dir, "init"),
		"con=null", "con0=null,fd:1", "con1=null", "quiet", "uml_dir="+dir)
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	said := string(out)
	if err != nil && !strings.Contains(said, "SAY ") {
		need.Kernel(t, "User Mode Linux does not come up here: "+said)
	}
	if err != nil && !strings.Contains(said, "SAY now") {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{"SAY report ahead 200", "SAY ahead reporting", "SAY report back 200", "SAY back reporting", "SAY report new 200", "SAY until new reporting", "SAY agent reporting", "SAY ready 200"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		switch {
		case len(words) == 5 && words[1] == "until" && words[3] == "stale":
			if spent, err := time.ParseDuration(words[4] + "s"); err != nil || spent > time.Minute {
				t.Errorf("a silent node is stale: %s", line)
			}
		case len(words) == 4 && words[1] == "now":
			now, err1 := time.Parse(time.RFC3339, words[2])
			last, err2 := time.Parse(time.RFC3339, words[3])
			if err1 != nil || err2 != nil || now.Sub(last).Abs() > time.Minute {
				t.Errorf("the agent was heard at %s, it is %s", words[3], words[2])
			}
		}
	}
	if n := strings.Count(said, " stale "); n != 2 {
		t.Errorf("%d silent nodes are stale, want 2", n)
	}
	if t.Failed() {
		t.Log(said)
	}
}
