package packages_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hosts of every scene.
const (
	serverHost = "server"
	agentHost  = "web"
)

// TestNewUser goes the way of docs/install.md: the server with one command, the agent
// on another machine with one command, and says how long that takes.
func TestNewUser(t *testing.T) {
	c := newCable(t, serverHost, agentHost)
	server, web := c.boot(t, serverHost), c.boot(t, agentHost)

	begin := time.Now()
	said := server.run(t, "sh /new/install-server.sh --listen :4849 --token-file /root/token")
	first := time.Since(begin)
	if !strings.Contains(said, "The server is on https://server:4849") || !strings.Contains(said, "/login#setup=") ||
		!strings.Contains(said, "sh install-agent.sh --server https://server:4849 --token-file /root/token") {
		t.Errorf("install-server.sh says\n%s", said)
	}
	server.copyTo(t, web, "/root/token")
	begin = time.Now()
	said = web.run(t, "sh /new/install-agent.sh --server https://server:4849 --token-file /root/token --zone dc1")
	second := time.Since(begin)
	if !strings.Contains(said, "web reports to https://server:4849.") {
		t.Errorf("install-agent.sh says\n%s", said)
	}
	t.Logf("server in %.1f s, agent in %.1f s, from the command to the first report taken in", first.Seconds(), second.Seconds())

	if got := server.agents(t); len(got) != 1 || got[0].Name != agentHost || got[0].LastReport.IsZero() {
		t.Errorf("the server knows the agents %+v", got)
	}
	server.until(t, "the chart has the host", `dotm map --json | grep -q '"name": "web"'`)
	server.same(t, "without a login", `curl -sk -o /dev/null -w '%{http_code}' https://localhost:4849/api/v1/topology`, "401")
	if page := server.run(t, `curl -sk https://localhost:4849/`); !strings.Contains(page, "<script") {
		t.Errorf("the page is\n%.500s", page)
	}
	rights(t, server, web)
	again(t, server, web)
	manual(t, server)
	uninstall(t, server, web)
}

// rights: what runs has the rights of its unit, and no secret lies around.
func rights(t *testing.T, server, web *machine) {
	t.Helper()
	status := `sed -n 's/^%s:\t*//p' /proc/$(systemctl show --value -p MainPID %s)/status`
	of := func(field, unit string) string {
		return strings.NewReplacer("%s", field).Replace(strings.Replace(status, "%s)", unit+")", 1))
	}
	server.same(t, "the server's capabilities", of("CapEff", "dotm"), "0000000000000000")
	// CAP_BPF, PERFMON, SYS_PTRACE, DAC_READ_SEARCH, SYS_ADMIN and NET_ADMIN: capabilities(7).
	web.same(t, "the agent's capabilities", of("CapEff", "dotm-agent"), "000000c000281004")
	web.same(t, "the agent's further rights", of("NoNewPrivs", "dotm-agent"), "1")
	server.same(t, "who the server is", `ps -o user= -p $(systemctl show --value -p MainPID dotm)`, "dotm")
	server.same(t, "who has its data", `stat -Lc '%a %U' /var/lib/dotm`, "700 dotm")
	server.same(t, "modes of its files", `stat -c '%a %U %G' /etc/dotm /etc/dotm/dotm.yaml /etc/default/dotm`, "750 root dotm\n640 root dotm\n600 root root")
	web.same(t, "mode of the agent's file", `stat -c '%a %U' /etc/default/dotm-agent`, "600 root")
	web.same(t, "tokens that lie around", `grep -c '^DOTM_TOKEN=.' /etc/default/dotm-agent || :`, "0")
	web.same(t, "secrets in the log", `journalctl -u dotm-agent | grep -c dotm1 || :`, "0")
	web.same(t, "the agent's flags", `sed -n s/^DOTM_AGENT_FLAGS=//p /etc/default/dotm-agent`, "--zone dc1")
	notes := web.run(t, "journalctl -u dotm-agent --output cat")
	if strings.Contains(notes, "unprivileged") {
		t.Errorf("the agent lacks rights:\n%s", notes)
	}
}

// again: a second run of the scripts restarts nothing.
func again(t *testing.T, server, web *machine) {
	t.Helper()
	before := server.started(t, "dotm") + web.started(t, "dotm-agent")
	server.run(t, "sh /new/install-server.sh --listen :4849")
	web.run(t, "sh /new/install-agent.sh --server https://server:4849 --token-file /root/token --zone dc1")
	if after := server.started(t, "dotm") + web.started(t, "dotm-agent"); after != before {
		t.Errorf("a second run restarts: %s, then %s", before, after)
	}
	if out := web.fails(t, "sh /new/install-agent.sh --server nowhere"); !strings.Contains(out, "--server must be an address like https://dotm.example:4849, is nowhere") {
		t.Errorf("a wrong address: %s", out)
	}
	if out := web.fails(t, "cp -r /new /tmp/bad; echo >> $(ls /tmp/bad/dotm_*amd64.deb); dpkg --purge dotm-agent dotm >/dev/null; sh /tmp/bad/install-agent.sh --server https://server:4849 --token-file /root/token"); !strings.Contains(out, "doesn't have the checksum") {
		t.Errorf("a package that was changed: %s", out)
	}
	web.run(t, "sh /new/install-agent.sh --server https://server:4849 --token-file /root/token --zone dc1")
}

// manual: pages and completion are where programs look for them.
func manual(t *testing.T, m *machine) {
	t.Helper()
	m.run(t, "test -s /usr/share/man/man1/dotm-serve.1.gz && gzip -t /usr/share/man/man1/*.gz")
	m.same(t, "bash completes", `bash -c '. /usr/share/bash-completion/completions/dotm; COMP_WORDS=(dotm tok) COMP_CWORD=1; _dotm; echo ${COMPREPLY[*]}'`, "token")
	m.run(t, "test -s /usr/share/dotm/grafana/dotm.json && test -s /usr/share/dotm/prometheus/dotm.rules.yml")
	m.same(t, "files that changed since they were installed", `dpkg --verify dotm | grep -v '^??5?????? c ' || :`, "")
}

// uninstall: what is kept stays, until it is purged.
func uninstall(t *testing.T, server, web *machine) {
	t.Helper()
	web.run(t, "sh /new/install-agent.sh --uninstall")
	web.run(t, "test -s /var/lib/dotm-agent/agent.json && ! test -e /usr/bin/dotm && ! systemctl cat dotm-agent 2>/dev/null")
	web.run(t, "sh /new/install-agent.sh --server https://server:4849") // with the identity that it had
	if got := server.agents(t); len(got) != 2 {                         // the one that was purged above, and this one
		t.Errorf("the server knows the agents %+v", got)
	}
	web.run(t, "sh /new/install-agent.sh --uninstall --purge")
	web.run(t, "! test -e /var/lib/dotm-agent && ! test -e /var/lib/private/dotm-agent && ! test -e /etc/default/dotm-agent")
	web.run(t, "sh /new/install-agent.sh --uninstall --purge") // again
	server.run(t, "sh /new/install-server.sh --uninstall --purge")
	server.run(t, "! test -e /var/lib/dotm && ! test -e /var/lib/private/dotm && ! test -e /etc/dotm && ! test -e /etc/default/dotm && ! test -e /usr/bin/dotm")
	server.same(t, "units that are left", "systemctl list-unit-files 'dotm*' --no-legend || :", "")
}

// TestUpgrade installs the version before, upgrades to this one, and takes that away.
func TestUpgrade(t *testing.T) {
	c := newCable(t, serverHost, agentHost)
	server, web := c.boot(t, serverHost), c.boot(t, agentHost)
	server.run(t, "sh /old/install-server.sh --listen :4849 --token-file /root/token")
	server.copyTo(t, web, "/root/token")
	web.run(t, "sh /old/install-agent.sh --server https://server:4849 --token-file /root/token")
	// What people change stays: a setting, the configuration, a file beside it.
	server.run(t, `curl -s --unix-socket /var/lib/dotm/dotm.sock -X PATCH -H 'Content-Type: application/json' -d '{"ageing": "7m0s"}' http://localhost/api/v1/settings >/dev/null
		echo 'settings: {stale_after: 2m}' >> /etc/dotm/dotm.yaml; install -m 640 -g dotm /dev/null /etc/dotm/secret; systemctl restart dotm`)
	server.until(t, "the server is back", "dotm token list")
	known := server.agents(t)
	before, running := server.started(t, "dotm"), web.started(t, "dotm-agent")

	server.run(t, "apt-get install -y --no-install-recommends /new/dotm_*amd64.deb </dev/null")
	overURL(t, server, web)
	if server.started(t, "dotm") == before || web.started(t, "dotm-agent") == running {
		t.Error("the upgrade restarts nothing")
	}
	version := server.run(t, "dpkg-query -W -f '${Version}' dotm")
	server.until(t, "the new one serves", `curl -sk --unix-socket /var/lib/dotm/dotm.sock http://localhost/api/v1/version | grep -F '"`+strings.TrimSuffix(version, "-1")+`"'`)
	settings := server.run(t, "curl -s --unix-socket /var/lib/dotm/dotm.sock http://localhost/api/v1/settings")
	if !strings.Contains(settings, `"7m0s"`) || !strings.Contains(settings, `"2m0s"`) {
		t.Errorf("the settings are\n%s", settings)
	}
	if got := server.agents(t); len(got) != 1 || got[0].ID != known[0].ID || !got[0].Enrolled.Equal(known[0].Enrolled) {
		t.Errorf("the agents were %+v, are %+v", known, got)
	}
	server.until(t, "the agent reports to the new one", `test "$(dotm agents --json | grep -c "$(date -u +%Y-%m-%dT%H)")" -ge 1`)

	revoked(t, server, web, known[0].ID)

	// Removed, its data stays, and is there when it comes back.
	server.run(t, "dpkg --remove dotm")
	server.run(t, "test -s /var/lib/dotm/dotm.db && test -s /etc/dotm/dotm.yaml && test -e /etc/dotm/secret && ! systemctl is-active dotm")
	server.run(t, "sh /new/install-server.sh")
	if got := server.agents(t); len(got) != 2 {
		t.Errorf("after it came back the agents are %+v", got)
	}
	server.run(t, "dpkg --purge dotm")
	server.run(t, "! test -e /var/lib/dotm && ! test -e /var/lib/private/dotm && ! test -e /etc/dotm && ! test -e /etc/default/dotm")
}

// overURL upgrades the agent from a URL, which takes the checksum of its SHA256SUMS.
func overURL(t *testing.T, server, web *machine) {
	t.Helper()
	server.run(t, "systemd-run --quiet --unit files python3 -m http.server --directory /new 8000")
	web.until(t, "the files are served", "curl -sf http://server:8000/SHA256SUMS")
	const install = "cp /new/install-agent.sh /root; sh /root/install-agent.sh --server https://server:4849 --from http://server:8000"
	sum, _, _ := strings.Cut(web.run(t, "sha256sum /new/SHA256SUMS"), " ")
	if out := web.fails(t, install); !strings.Contains(out, "needs --sha256 with a URL") {
		t.Errorf("without a checksum: %s", out)
	}
	if out := web.fails(t, install+" --sha256 "+strings.Repeat("0", 64)); !strings.Contains(out, "SHA256SUMS of http://server:8000 is not the one") {
		t.Errorf("with another checksum: %s", out)
	}
	web.same(t, "what is installed until then", "dpkg-query -W -f '${Version}' dotm-agent", "0.0.1-1")
	web.run(t, install+" --sha256 "+sum)
}

// revoked: who was revoked enrols with a new token when it is told to.
func revoked(t *testing.T, server, web *machine, id string) {
	t.Helper()
	server.run(t, "dotm agents revoke "+id+"; dotm token create >/root/token2")
	server.copyTo(t, web, "/root/token2")
	web.run(t, "sh /new/install-agent.sh --server https://server:4849 --token-file /root/token2 --anew")
	if got := server.agents(t); len(got) != 2 {
		t.Errorf("after one was revoked the agents are %+v", got)
	}
}

// TestRPM does the same with rpm, on a machine that has no dpkg.
func TestRPM(t *testing.T) {
	c := newCable(t, serverHost)
	m := c.boot(t, serverHost)
	m.run(t, "mv /usr/bin/dpkg /usr/bin/dpkg.not-here")
	said := m.run(t, "sh /new/install-server.sh --listen :4849 --token-file /root/token")
	if !strings.Contains(said, "The server is on https://server:4849") {
		t.Errorf("install-server.sh says\n%s", said)
	}
	m.run(t, "sh /new/install-agent.sh --server https://server:4849 --token-file /root/token")
	m.run(t, "test -s /usr/share/dotm/grafana/dotm.json && test -s /usr/share/dotm/prometheus/dotm.rules.yml")
	m.run(t, "rpm --verify dotm dotm-agent | grep -v ' c ' && exit 1 || :")
	m.same(t, "configuration", "rpm -q --configfiles dotm dotm-agent", "/etc/default/dotm\n/etc/dotm/dotm.yaml\n/etc/default/dotm-agent")
	m.same(t, "modes", `stat -c '%a %U %G' /etc/dotm /etc/dotm/dotm.yaml /etc/default/dotm`, "750 root dotm\n640 root dotm\n600 root root")
	m.run(t, "sh /new/install-server.sh --uninstall") // the agent needs the program
	m.run(t, "test -x /usr/bin/dotm && ! systemctl is-active dotm")
	m.run(t, "sh /new/install-agent.sh --uninstall")
	m.run(t, "test -s /var/lib/dotm/dotm.db && test -s /var/lib/dotm-agent/agent.json && ! test -e /usr/bin/dotm")
	m.run(t, "sh /new/install-agent.sh --uninstall --purge; sh /new/install-server.sh --uninstall --purge")
	m.run(t, "! test -e /var/lib/dotm-agent && ! test -e /var/lib/dotm && ! test -e /etc/dotm && ! test -e /etc/default/dotm-agent")
}

// TestSigned verifies the signatures by the programs that people have: gpg for the
// checksums and for the .deb (debsigs(1p): over its other members, one behind the other),
// rpm for the .rpm, which refuses one that was changed.
func TestSigned(t *testing.T) {
	m := newCable(t, serverHost).boot(t, serverHost)
	from, home := folder(t, envNew), t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	gpg := []string{"gpg", "--homedir", home, "--batch", "--quiet", "--trust-model", "always"}
	t.Cleanup(func() { _, _ = attempt("gpgconf", "--homedir", home, "--kill", "all") })
	command(t, append(gpg, "--import", filepath.Join(from, "dotm.asc"))...)
	command(t, append(gpg, "--verify", filepath.Join(from, "SHA256SUMS.asc"), filepath.Join(from, "SHA256SUMS"))...)
	packages, err := filepath.Glob(filepath.Join(from, "*.deb"))
	if err != nil || len(packages) != 3 {
		t.Fatalf("%v, %v", packages, err)
	}
	for _, deb := range packages {
		signed, signature := filepath.Join(home, "signed"), filepath.Join(home, "signature")
		command(t, "sh", "-c", `ar p "$1" _gpgorigin > "$3" && ar p "$1" debian-binary control.tar.gz data.tar.gz > "$2"`, "sh", deb, signed, signature)
		command(t, append(gpg, "--verify", signature, signed)...)
		command(t, "sh", "-c", `echo >> "$1"`, "sh", signed)
		if out, err := attempt(append(gpg, "--verify", signature, signed)...); err == nil {
			t.Errorf("%s, changed: %s", deb, out)
		}
	}
	m.run(t, "rpm --import /new/dotm.asc")
	for line := range strings.Lines(m.run(t, "rpm --checksig /new/*.rpm")) {
		if !strings.HasSuffix(strings.TrimSpace(line), "digests signatures OK") {
			t.Errorf("%s", line)
		}
	}
	m.fails(t, "cp /new/dotm-agent-*.rpm /tmp/bad.rpm && printf x | dd of=/tmp/bad.rpm bs=1 seek=9000 conv=notrunc status=none && rpm --checksig /tmp/bad.rpm")
}

// TestRPMUpgrade keeps what was changed and restarts what runs.
func TestRPMUpgrade(t *testing.T) {
	c := newCable(t, serverHost)
	m := c.boot(t, serverHost)
	m.run(t, "mv /usr/bin/dpkg /usr/bin/dpkg.not-here; sh /old/install-server.sh")
	m.run(t, "echo 'settings: {stale_after: 2m}' >> /etc/dotm/dotm.yaml")
	before := m.started(t, "dotm")
	m.run(t, "sh /new/install-server.sh")
	if m.started(t, "dotm") == before {
		t.Error("the upgrade restarts nothing")
	}
	if settings := m.run(t, "curl -s http://127.0.0.1:4849/api/v1/settings"); !strings.Contains(settings, `"2m0s"`) {
		t.Errorf("the settings are\n%s", settings)
	}
	m.run(t, "systemctl is-enabled dotm")
}

// TestAnsible lets the role do it: first told what it would do, then done, then done
// again without any change, then undone.
func TestAnsible(t *testing.T) {
	c := newCable(t, serverHost, agentHost)
	server, web := c.boot(t, serverHost), c.boot(t, agentHost)
	server.run(t, "sh /new/install-server.sh --listen :4849 --token-file /root/token")
	server.copyTo(t, web, "/root/token")
	play := func(more string) (recap string) {
		out := web.run(t, `cp -r /ansible /tmp/play 2>/dev/null; mkdir -p /tmp/play/packages; cp /new/dotm_*_amd64.deb /new/dotm-agent_*.deb /tmp/play/packages/
			cd /tmp/play; export ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=0 LC_ALL=C.UTF-8
			ansible-playbook -i localhost, -c local -e ansible_become=false -e dotm_agent_server=https://server:4849 -e dotm_agent_token="$(cat /root/token)" agents.yml `+more)
		if strings.Contains(out, "dotm1.") {
			t.Errorf("Ansible prints the token:\n%s", out)
		}
		t.Log(out[strings.Index(out, "PLAY RECAP"):])
		return out
	}
	play("--check --diff")
	web.run(t, "! test -e /usr/bin/dotm && ! test -e /etc/default/dotm-agent")
	play("--diff")
	if got := server.agents(t); len(got) != 1 || got[0].Name != agentHost {
		t.Errorf("the server knows the agents %+v", got)
	}
	web.same(t, "tokens that lie around", `grep -c '^DOTM_TOKEN=.' /etc/default/dotm-agent || :`, "0")
	if again := play("--diff"); !strings.Contains(again, "changed=0 ") {
		t.Errorf("a second run changes something:\n%s", again)
	}
	play("-e dotm_agent_state=absent -e dotm_agent_purge=true")
	web.run(t, "! test -e /usr/bin/dotm && ! test -e /etc/default/dotm-agent && ! test -e /var/lib/dotm-agent")
	if again := play("-e dotm_agent_state=absent -e dotm_agent_purge=true"); !strings.Contains(again, "changed=0 ") {
		t.Errorf("a second removal changes something:\n%s", again)
	}
}
