package lexicon

import (
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// wholes are words of checks that are about a host as a whole.
const wholes = "load loadaverage cpu cpus cores disk disks diskspace hdd ssd drive drives nvme filesystem filesystems fs df inode inodes partition partitions " +
	"mount mounts volume volumes raid mdraid zpool zfs lvm smart multipath memory mem ram swap swapping paging oom uptime reboot reboots restarted rebooted " +
	"temperature temp fan fans sensor sensors ipmi hardware power psu voltage battery ups entropy ntp ntpd chrony chronyd timesync timedatectl systemtime clock " +
	"users logins apt apts yum dnf zypper updates upgrades patches packages kernel interface interfaces nic bond bonding " +
	"eth bandwidth conntrack zombie zombies checkmk discovery inventory iowait diskio io iops fork forks contextswitch contextswitches steal throttled"

// reaches are words of checks that are about whether a host can be reached, where
// nothing says by which port.
const reaches = "unreachable ping icmp rta hostalive alive checkhost host node instance target"

// maybes are such words unless another word names software.
const maybes = "system os linux windows unix debian machine server vm total procs proc process processes thread threads systemd unit units cron crond " +
	"job jobs backup backups time network net link connection connections file files filedescriptors passwd log logs logfile agent kube kubernetes pod cluster " +
	"service services daemon daemons watchdog user container containers sessions socket sockets heartbeat age deadman"

// fillers say nothing.
const fillers = "check checks status state health healthy availability available unavailable usage used utilization utilisation util use free low lower high higher " +
	"too over under above below is are not no of on in at for from by to the a an and or with via per be has have been was up down running stopped failed failure " +
	"error errors err warning critical ok alert alarm problem average avg max min count rate ratio percent size number response slow latency seconds minutes hours " +
	"s m h d ms last less more than almost out full space current main local remote live prod production staging test my old new missing absent many few " +
	"tcp udp port ip ipv4 ipv6 active passive nagios icinga zabbix site page login query queries lag lagging " +
	"open opened close closed expire expires expiry expiration expired days valid validity change changed changing root home var tmp"

// transports are commands that only carry what others find out.
const transports = "checkmk checknrpe checkbyssh checksnmp checkdummy checknt checknscp checktcp checkudp checkmkpassive passive dummy nrpe byssh snmp tcp udp nscp nscplocal " +
	"checkzabbix checkncpa nt clusterzone cluster icinga"

// Mention is a kind and the word of the name that means it.
type Mention struct {
	Kind *Kind
	Word string
}

// Subject is what a name says that its check is about.
type Subject struct {
	Tokens []Token
	// Kinds are those that it names, in the order in which they are to be tried:
	// the vague ones last.
	Kinds []Mention
	// Whole is the word that says it is about a host as a whole; empty if none does.
	Whole string
	// Strong says that this word means nothing else, Resource that it is about what
	// the host has, and not whether it can be reached.
	Strong, Resource bool
	// Ports are numbers that it calls ports, and Protocol what it says of them;
	// Numbers are those that may be ports.
	Ports    []uint16
	Protocol topology.Protocol
	Numbers  []uint16
	// Odd says that it holds words that nobody knows: names of things.
	Odd bool
}

// Precise says whether it names a kind by a word that is not vague.
func (s *Subject) Precise() bool { return len(s.Kinds) > 0 && !s.Kinds[0].Kind.Is(Vague) }

// Command reads the name of the command that does a check. One that only carries
// what others find out says nothing.
func (l *Lexicon) Command(command string) Subject {
	command = strings.TrimPrefix(command, "check_mk-")
	tokens := Tokens(command)
	if strings.Contains(" "+transports+" ", " "+Join(tokens)+" ") {
		return Subject{}
	}
	s := l.subject(tokens)
	s.Ports, s.Numbers, s.Odd = nil, nil, false
	return s
}

// Join is tokens as one word.
func Join(tokens []Token) string {
	if len(tokens) == 1 {
		return tokens[0].Text
	}
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString(t.Text)
	}
	return b.String()
}

// Names says whether a word may be the name of a thing: it is neither one of those
// that checks are full of, nor the name of what runs other people's programs.
func (l *Lexicon) Names(word string) bool {
	m, known := l.words[word]
	return (!known || m.kind != nil && !m.kind.Is(Vague)) && !l.runtimes[word]
}

// Software says whether a word means software.
func (l *Lexicon) Software(word string) bool { return l.words[word].kind != nil }

// Subject reads a check's name.
func (l *Lexicon) Subject(name string) Subject { return l.subject(Tokens(name)) }

// reading goes through the tokens of a name.
type reading struct {
	Subject
	strong, weak string // the first words that say it is about a whole host
	resource     bool   // one of these is about what the host has
	at           int    // where the strong one stands
	first        int    // where the first kind stands that is no agent
	vague        []Mention
}

func (l *Lexicon) subject(tokens []Token) Subject {
	r := reading{Subject: Subject{Tokens: tokens}, at: maxTokens, first: maxTokens}
	for i := 0; i < len(tokens); {
		m, n := l.at(tokens, i)
		if n == 0 {
			r.unknown(tokens, i)
			i++
			continue
		}
		r.hear(m, tokens[i:i+n], i)
		i += n
	}
	return r.judge()
}

// unknown takes a token that is no known word: a number, a path or a name.
func (r *reading) unknown(tokens []Token, i int) {
	t := tokens[i]
	if t.Path {
		if i == 0 {
			r.weak = t.Text
		}
		return
	}
	if !t.Digits {
		r.Odd = true
		return
	}
	n, err := strconv.ParseUint(t.Text, 10, 16)
	if err != nil || n == 0 || t.Text[0] == '0' {
		return
	}
	before := ""
	if i > 0 {
		before = tokens[i-1].Text
	}
	switch {
	case before == "port" || before == "tcp" || before == "udp" || t.colon && i > 0:
		r.Ports = append(r.Ports, uint16(n))
	default:
		r.Numbers = append(r.Numbers, uint16(n))
	}
}

func (r *reading) hear(m meaning, tokens []Token, i int) {
	word := Join(tokens)
	switch {
	case m.kind != nil:
		mention := Mention{m.kind, word}
		if m.kind.Is(Vague) {
			r.vague = append(r.vague, mention)
		} else {
			r.Kinds = append(r.Kinds, mention)
		}
		if !m.kind.Is(Agent) {
			r.first = min(r.first, i)
		}
	case m.role == whole || m.role == reach:
		r.resource = r.resource || m.role == whole
		if r.strong == "" {
			r.strong, r.at = word, i
		}
	case m.role == perhaps && r.weak == "":
		r.weak = word
	case word == "tcp" || word == "udp":
		r.Protocol = topology.Protocol(word)
	}
}

// judge decides between the kinds and the host as a whole: what comes first is what
// it is about. Agents are only asked.
func (r *reading) judge() Subject {
	r.order()
	switch {
	case r.strong != "" && r.at < r.first:
		r.Kinds, r.Whole, r.Strong = nil, r.strong, true
		r.Resource = r.resource
	case r.strong == "" && len(r.Kinds) == 0:
		r.Whole = r.weak
	}
	return r.Subject
}

// order puts the vague kinds last, and Apache behind what only comes from its
// foundation: Apache Kafka.
func (r *reading) order() {
	if len(r.Kinds) > 1 && r.Kinds[0].Word == "apache" {
		r.Kinds = append(r.Kinds[1:], r.Kinds[0])
	}
	r.Kinds = append(r.Kinds, r.vague...)
}
