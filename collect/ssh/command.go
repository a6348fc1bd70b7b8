package ssh

// Command is what runs on a node, to the letter: one line of POSIX sh, for every
// login shell and, having no quotes, backslashes or percent signs of the wrong
// kind, for command="…" of authorized_keys(5). It only reads, and tries sudo
// for one command, ss -tunap (else netstat -antupW). docs/collecting.md explains
// each part.
const Command = opening + "u=sudo; " + body

// CommandWithoutSudo is [Command] for nodes where sudo shall not be tried. It
// fits command= as well.
const CommandWithoutSudo = opening + "u=; " + body

// opening makes the same shell and the same language of whatever the user has.
// No program may compute for longer than 20 seconds.
const opening = "sh -c 'LC_ALL=C LANG=C PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin; export LC_ALL LANG PATH; ulimit -t 20; "

// body prints the sections that answer.go reads. Every marker holds a random
// word, so that no name of a process can feign one. r prints one section: its
// name, the output of a command, and how that ended. q asks ss or netstat, with
// sudo first.
const body = "read -r n </proc/sys/kernel/random/uuid; " +
	"r() { k=$1; shift; echo @dotm-ssh $n $k; $* 2>/dev/null </dev/null; e=$?; echo; echo @dotm-ssh $n ended $e; return $e; }; " +
	"q() { command -v $1 >/dev/null || return 1; test $u && r sudo-$1 $u -n $* || r $1 $*; }; " +
	"f() { ls -ln /proc/[0-9]*/fd | grep -e ^/proc -e socket:; }; " +
	"echo @dotm-ssh 1 $n; " +
	"r host uname -n; r us echo $SSH_CONNECTION; " +
	"r machine cat /etc/machine-id || r machine cat /var/lib/dbus/machine-id; " +
	"r user id -u; test $(id -u) = 0 && u=; command -v sudo >/dev/null || u=; " +
	"r ports cat /proc/sys/net/ipv4/ip_local_port_range; " +
	"r ip ip addr || { r ifconfig ifconfig -a; r fib cat /proc/net/fib_trie; r inet6 cat /proc/net/if_inet6; }; " +
	"q ss -tunap || q netstat -antupW || q netstat -antup || { " +
	"r tcp cat /proc/net/tcp; r tcp6 cat /proc/net/tcp6; r udp cat /proc/net/udp; r udp6 cat /proc/net/udp6; " +
	"r fds f; r names grep . /proc/[0-9]*/comm; }; " +
	"echo @dotm-ssh $n end'"

// SudoPrivilege is what a line of sudoers(5) permits after the user's name, so
// that the node shows every process: two commands with exactly these arguments,
// wherever they lie, which only read.
const SudoPrivilege = "ALL=(root) NOPASSWD: /usr/bin/ss -tunap, /usr/sbin/ss -tunap, /bin/ss -tunap, /sbin/ss -tunap, /bin/netstat -antupW, /usr/bin/netstat -antupW"
