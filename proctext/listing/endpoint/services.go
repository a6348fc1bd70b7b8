package endpoint

import (
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/proctext"
)

// services are the ports that programs print by a name where they are not asked
// for numbers: those of common services (IANA service names, with the spellings
// of /etc/services on Linux, BSD and Windows).
const services = `
echo/7 discard/9 daytime/13 chargen/19 ftp-data/20 ftp/21 ssh/22 telnet/23 smtp/25 time/37
domain/53 nameserver/53 bootps/67 dhcps/67 bootpc/68 dhcpc/68 tftp/69 http/80 www/80 www-http/80
kerberos/88 kerberos-sec/88 krb5/88 pop3/110 sunrpc/111 rpcbind/111 portmapper/111 auth/113
ident/113 nntp/119 ntp/123 epmap/135 msrpc/135 loc-srv/135 netbios-ns/137 nbname/137
netbios-dgm/138 nbdatagram/138 netbios-ssn/139 nbsession/139 imap/143 imap2/143 imap4/143 snmp/161
snmp-trap/162 snmptrap/162 bgp/179 ldap/389 svrloc/427 https/443 microsoft-ds/445 kpasswd/464
kpasswd5/464 urd/465 submissions/465 smtps/465 ssmtp/465 isakmp/500 submission/587 ipp/631
ldaps/636 kerberos-adm/749 domain-s/853 rsync/873 ftps/990 imaps/993 pop3s/995 socks/1080
openvpn/1194 ms-sql-s/1433 ms-sql-m/1434 ingreslock/1524 radius/1812 radius-acct/1813 mqtt/1883
ssdp/1900 nfs/2049 nfsd/2049 iscsi-target/3260 mysql/3306 ms-wbt-server/3389 svn/3690 wsd/3702
ws-discovery/3702 epmd/4369 ipsec-nat-t/4500 sip/5060 sip-tls/5061 sips/5061 xmpp-client/5222
xmpp-server/5269 mdns/5353 llmnr/5355 postgresql/5432 postgres/5432 nrpe/5666 amqps/5671 amqp/5672
x11/6000 redis/6379 syslog-tls/6514 ircd/6667 http-alt/8080 webcache/8080 http-proxy/8080
https-alt/8443 git/9418 zabbix-agent/10050 zabbix-trapper/10051 memcache/11211 memcached/11211
mongodb/27017
`

// Names that mean different ports of TCP and UDP.
const (
	servicesTCP = " exec/512 login/513 shell/514 cmd/514 printer/515 "
	servicesUDP = " biff/512 comsat/512 who/513 whod/513 syslog/514 "
)

// servicePort gives the port of a name, or 0. A name that is not known is a
// problem of its row, not a guess.
func servicePort(name, protocol string) uint16 {
	own := servicesTCP
	if protocol == proctext.UDP {
		own = servicesUDP
	}
	if name = strings.ToLower(name); strings.ContainsAny(name, " \n/") {
		return 0
	}
	for _, table := range []string{own, services} {
		for _, before := range []string{" ", "\n"} {
			_, rest, ok := strings.Cut(table, before+name+"/")
			if !ok {
				continue
			}
			digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
			n, _ := strconv.ParseUint(digits, 10, 16)
			return uint16(n)
		}
	}
	return 0
}
