package proctext

import "strings"

// servicePort gives the port that programs print by a name where they are not
// asked for numbers, or 0. These are the names of common services (IANA service
// names, with the spellings of /etc/services on Linux, BSD and Windows). A name
// that is not here is a problem of its row, not a guess.
func servicePort(name, protocol string) uint16 {
	switch protocol {
	case TCP:
		if p := tcpPort(name); p != 0 {
			return p
		}
	case UDP:
		if p := udpPort(name); p != 0 {
			return p
		}
	}
	return commonPort(strings.ToLower(name))
}

// tcpPort and udpPort hold the names that mean different ports.
func tcpPort(name string) uint16 {
	switch name {
	case "shell", "cmd":
		return 514
	case "login":
		return 513
	case "exec":
		return 512
	case "printer":
		return 515
	}
	return 0
}

func udpPort(name string) uint16 {
	switch name {
	case "syslog":
		return 514
	case "who", "whod":
		return 513
	case "biff", "comsat":
		return 512
	}
	return 0
}

// commonPort holds the names that mean one port.
func commonPort(name string) uint16 { //nolint:funlen,gocyclo // a table
	switch name {
	case "echo":
		return 7
	case "discard":
		return 9
	case "daytime":
		return 13
	case "chargen":
		return 19
	case "ftp-data":
		return 20
	case "ftp":
		return 21
	case "ssh":
		return 22
	case "telnet":
		return 23
	case "smtp":
		return 25
	case "time":
		return 37
	case "domain", "nameserver":
		return 53
	case "bootps", "dhcps":
		return 67
	case "bootpc", "dhcpc":
		return 68
	case "tftp":
		return 69
	case "http", "www", "www-http":
		return 80
	case "kerberos", "kerberos-sec", "krb5":
		return 88
	case "pop3":
		return 110
	case "sunrpc", "rpcbind", "portmapper":
		return 111
	case "auth", "ident":
		return 113
	case "nntp":
		return 119
	case "ntp":
		return 123
	case "epmap", "msrpc", "loc-srv":
		return 135
	case "netbios-ns", "nbname":
		return 137
	case "netbios-dgm", "nbdatagram":
		return 138
	case "netbios-ssn", "nbsession":
		return 139
	case "imap", "imap2", "imap4":
		return 143
	case "snmp":
		return 161
	case "snmp-trap", "snmptrap":
		return 162
	case "bgp":
		return 179
	case "ldap":
		return 389
	case "svrloc":
		return 427
	case "https":
		return 443
	case "microsoft-ds":
		return 445
	case "kpasswd", "kpasswd5":
		return 464
	case "urd", "submissions", "smtps", "ssmtp":
		return 465
	case "isakmp":
		return 500
	case "submission":
		return 587
	case "ipp":
		return 631
	case "ldaps":
		return 636
	case "kerberos-adm":
		return 749
	case "rsync":
		return 873
	case "domain-s":
		return 853
	case "ftps":
		return 990
	case "imaps":
		return 993
	case "pop3s":
		return 995
	}
	return registeredPort(name)
}

// registeredPort holds the names of ports above 1023.
func registeredPort(name string) uint16 { //nolint:funlen,gocyclo // a table
	switch name {
	case "socks":
		return 1080
	case "openvpn":
		return 1194
	case "ms-sql-s":
		return 1433
	case "ms-sql-m":
		return 1434
	case "ingreslock":
		return 1524
	case "radius":
		return 1812
	case "radius-acct":
		return 1813
	case "mqtt":
		return 1883
	case "ssdp":
		return 1900
	case "nfs", "nfsd":
		return 2049
	case "iscsi-target":
		return 3260
	case "mysql":
		return 3306
	case "ms-wbt-server":
		return 3389
	case "svn":
		return 3690
	case "wsd", "ws-discovery":
		return 3702
	case "epmd":
		return 4369
	case "ipsec-nat-t":
		return 4500
	case "sip":
		return 5060
	case "sip-tls", "sips":
		return 5061
	case "xmpp-client":
		return 5222
	case "xmpp-server":
		return 5269
	case "mdns":
		return 5353
	case "llmnr":
		return 5355
	case "postgresql", "postgres":
		return 5432
	case "nrpe":
		return 5666
	case "amqps":
		return 5671
	case "amqp":
		return 5672
	case "x11":
		return 6000
	case "redis":
		return 6379
	case "syslog-tls":
		return 6514
	case "ircd":
		return 6667
	case "http-alt", "webcache", "http-proxy":
		return 8080
	case "https-alt":
		return 8443
	case "git":
		return 9418
	case "zabbix-agent":
		return 10050
	case "zabbix-trapper":
		return 10051
	case "memcache", "memcached":
		return 11211
	case "mongodb":
		return 27017
	}
	return 0
}
