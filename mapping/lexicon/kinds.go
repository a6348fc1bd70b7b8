package lexicon

import (
	"strconv"
	"strings"

	"github.com/devops-trouble-map/dotm/topology"
)

// Port is where software of a kind usually listens.
type Port struct {
	Number   uint16
	Protocol topology.Protocol
}

// Family is what kinds have in common that a word alone may name: "http" is about
// whatever serves the web.
type Family uint8

// The families.
const (
	None Family = iota
	Web
	Database
	Mail
)

// Trait is what is special to a kind. Traits add up.
type Trait uint8

// The traits.
const (
	// Vague kinds are named by words that say little: another kind, or a name, that
	// stands beside it is what a check is about.
	Vague Trait = 1 << iota
	// Shared kinds have ports that other software likes too: what listens there is
	// of the kind only if nothing says otherwise.
	Shared
	// Agent kinds measure others: who asks them is mostly after something else.
	Agent
	// Encrypted kinds are not spoken on the web's plain port, 80.
	Encrypted
)

// Kind is a sort of software, or a protocol that several speak.
type Kind struct {
	// ID is one word in lower case, Title what people call it.
	ID, Title string
	// Words are those of a check's name that mean it, written as one: "zabbixagent"
	// is found in "Zabbix agent". Processes are the names of its programs. Both are
	// separated by blanks.
	Words, Processes string
	// Listens are the ports that it usually listens on, the most usual first: "53/udp
	// 53".
	Listens string
	Family  Family
	Traits  Trait
	// Of is the id of the kind whose programs serve this one too, on its ports.
	Of string

	ports []Port
}

// Ports are where it usually listens, the most usual first.
func (k *Kind) Ports() []Port { return k.ports }

// Is says whether a kind has a trait.
func (k *Kind) Is(t Trait) bool { return k.Traits&t != 0 }

// Rank is the place of a port among those where it usually listens; false if it is
// none.
func (k *Kind) Rank(protocol topology.Protocol, number uint16) (int, bool) {
	for i, p := range k.ports {
		if p.Number == number && p.Protocol == protocol {
			return i, true
		}
	}
	return 0, false
}

// Covers says whether another kind is what a word for this one may mean.
func (k *Kind) Covers(other *Kind) bool {
	return k == other || other != nil && k.Is(Vague) && k.Family != None && k.Family == other.Family
}

// table is the software and protocols that are known. The ports are those of IANA's
// registry, or what the software's own documentation gives as its default.
var table = []Kind{
	// What speaks to people and programs over the web.
	{ID: "http", Title: "HTTP", Words: "http web website webserver www url vhost loadbalancer loadbalancing", Listens: "80 8080", Family: Web, Traits: Vague},
	{ID: "https", Title: "HTTPS", Words: "https ssl tls cert certs certificate certificates x509", Listens: "443 8443", Family: Web, Traits: Vague | Encrypted},
	{ID: "nginx", Title: "nginx", Words: "nginx openresty", Processes: "nginx openresty angie", Listens: "80 443 8080", Family: Web, Traits: Shared},
	{ID: "apache", Title: "Apache", Words: "apache apache2 httpd", Processes: "apache2 httpd apache", Listens: "80 443 8080", Family: Web, Traits: Shared},
	{ID: "lighttpd", Title: "lighttpd", Words: "lighttpd", Processes: "lighttpd", Listens: "80 443", Family: Web, Traits: Shared},
	{ID: "caddy", Title: "Caddy", Words: "caddy", Processes: "caddy", Listens: "443 80", Family: Web, Traits: Shared},
	{ID: "haproxy", Title: "HAProxy", Words: "haproxy", Processes: "haproxy", Listens: "80 443", Family: Web, Traits: Shared},
	{ID: "traefik", Title: "Traefik", Words: "traefik", Processes: "traefik", Listens: "80 443 8080", Family: Web, Traits: Shared},
	{ID: "envoy", Title: "Envoy", Words: "envoy", Processes: "envoy", Listens: "10000 80 443", Family: Web, Traits: Shared},
	{ID: "varnish", Title: "Varnish", Words: "varnish varnishd", Processes: "varnishd cache-main vcache", Listens: "6081 80", Family: Web, Traits: Shared},
	{ID: "squid", Title: "Squid", Words: "squid", Processes: "squid squid3", Listens: "3128"},
	{ID: "tomcat", Title: "Tomcat", Words: "tomcat catalina", Processes: "tomcat", Listens: "8080 8443 8009", Family: Web, Traits: Shared},
	{ID: "jetty", Title: "Jetty", Words: "jetty", Processes: "jetty", Listens: "8080", Family: Web, Traits: Shared},
	{ID: "wildfly", Title: "WildFly", Words: "wildfly jboss", Processes: "wildfly jboss", Listens: "8080 9990", Family: Web, Traits: Shared},
	{ID: "jenkins", Title: "Jenkins", Words: "jenkins", Processes: "jenkins", Listens: "8080", Family: Web, Traits: Shared},
	{ID: "gitea", Title: "Gitea", Words: "gitea forgejo", Processes: "gitea forgejo", Listens: "3000", Family: Web, Traits: Shared},
	{ID: "gitlab", Title: "GitLab", Words: "gitlab", Processes: "gitlab", Listens: "443 80", Family: Web, Traits: Shared},
	{ID: "keycloak", Title: "Keycloak", Words: "keycloak", Processes: "keycloak", Listens: "8080 8443", Family: Web, Traits: Shared},
	{ID: "nexus", Title: "Nexus", Words: "nexus", Processes: "nexus", Listens: "8081", Family: Web, Traits: Shared},
	{ID: "phpfpm", Title: "PHP-FPM", Words: "phpfpm fpm", Processes: "php-fpm phpfpm", Listens: "9000", Traits: Shared},
	{ID: "uwsgi", Title: "uWSGI", Words: "uwsgi", Processes: "uwsgi", Listens: "3031", Traits: Shared},
	{ID: "gunicorn", Title: "Gunicorn", Words: "gunicorn", Processes: "gunicorn", Listens: "8000", Family: Web, Traits: Shared},
	{ID: "nodejs", Title: "Node.js", Words: "nodejs", Processes: "node nodejs", Listens: "3000", Family: Web, Traits: Shared},

	// What keeps data.
	{ID: "database", Title: "a database", Words: "database databases db sql replication replica slave", Family: Database, Traits: Vague},
	{ID: "postgresql", Title: "PostgreSQL", Words: "postgresql postgres pgsql psql pg postmaster timescaledb", Processes: "postgres postmaster postgresql", Listens: "5432 5433", Family: Database},
	{ID: "pgbouncer", Title: "PgBouncer", Words: "pgbouncer", Processes: "pgbouncer", Listens: "6432"},
	{ID: "pgpool", Title: "Pgpool", Words: "pgpool", Processes: "pgpool", Listens: "9999 5433"},
	{ID: "patroni", Title: "Patroni", Words: "patroni", Processes: "patroni", Listens: "8008"},
	{ID: "mysql", Title: "MySQL", Words: "mysql mysqld mariadb mariadbd percona innodb galera mysqladmin", Processes: "mysqld mariadbd mysql mariadb", Listens: "3306", Family: Database},
	{ID: "proxysql", Title: "ProxySQL", Words: "proxysql", Processes: "proxysql", Listens: "6033 6032"},
	{ID: "mssql", Title: "SQL Server", Words: "mssql sqlserver sqlservr", Processes: "sqlservr mssql", Listens: "1433", Family: Database},
	{ID: "oracle", Title: "Oracle", Words: "oracle tnslsnr tns", Processes: "tnslsnr oracle", Listens: "1521", Family: Database},
	{ID: "mongodb", Title: "MongoDB", Words: "mongodb mongo mongod mongos", Processes: "mongod mongos mongodb mongo", Listens: "27017 27018 27019", Family: Database},
	{ID: "cassandra", Title: "Cassandra", Words: "cassandra scylla scylladb", Processes: "cassandra scylla", Listens: "9042 9160 7000", Family: Database},
	{ID: "clickhouse", Title: "ClickHouse", Words: "clickhouse", Processes: "clickhouse clickhouse-server", Listens: "8123 9000", Family: Database},
	{ID: "couchdb", Title: "CouchDB", Words: "couchdb", Processes: "couchdb", Listens: "5984", Family: Database},
	{ID: "influxdb", Title: "InfluxDB", Words: "influxdb influx influxd", Processes: "influxd influxdb", Listens: "8086", Family: Database},
	{ID: "neo4j", Title: "Neo4j", Words: "neo4j", Processes: "neo4j", Listens: "7687 7474", Family: Database},
	{ID: "redis", Title: "Redis", Words: "redis valkey keydb redisserver", Processes: "redis-server valkey-server keydb-server redis valkey keydb", Listens: "6379"},
	{ID: "sentinel", Title: "Redis Sentinel", Words: "sentinel redissentinel", Processes: "redis-sentinel valkey-sentinel sentinel", Listens: "26379", Of: "redis"},
	{ID: "memcached", Title: "memcached", Words: "memcached memcache", Processes: "memcached", Listens: "11211"},
	{ID: "elasticsearch", Title: "Elasticsearch", Words: "elasticsearch elastic opensearch", Processes: "elasticsearch opensearch", Listens: "9200 9300"},
	{ID: "kibana", Title: "Kibana", Words: "kibana", Processes: "kibana", Listens: "5601"},
	{ID: "logstash", Title: "Logstash", Words: "logstash", Processes: "logstash", Listens: "5044 9600"},
	{ID: "solr", Title: "Solr", Words: "solr", Processes: "solr", Listens: "8983"},
	{ID: "minio", Title: "MinIO", Words: "minio", Processes: "minio", Listens: "9000", Traits: Shared},
	{ID: "ceph", Title: "Ceph", Words: "ceph cephmon", Processes: "ceph-mon ceph-mgr ceph-osd radosgw", Listens: "3300 6789"},
	{ID: "gluster", Title: "GlusterFS", Words: "gluster glusterfs glusterd", Processes: "glusterd glusterfsd", Listens: "24007"},
	{ID: "namenode", Title: "HDFS NameNode", Words: "namenode hdfs hadoop", Processes: "namenode", Listens: "8020 9870 50070"},

	// What passes messages, and what finds others.
	{ID: "rabbitmq", Title: "RabbitMQ", Words: "rabbitmq rabbit amqp", Processes: "rabbitmq rabbitmq-server", Listens: "5672 5671 15672"},
	{ID: "kafka", Title: "Kafka", Words: "kafka", Processes: "kafka", Listens: "9092 9093"},
	{ID: "zookeeper", Title: "ZooKeeper", Words: "zookeeper", Processes: "zookeeper", Listens: "2181"},
	{ID: "activemq", Title: "ActiveMQ", Words: "activemq artemis", Processes: "activemq artemis", Listens: "61616 8161"},
	{ID: "nats", Title: "NATS", Words: "nats", Processes: "nats-server nats", Listens: "4222"},
	{ID: "mqtt", Title: "MQTT", Words: "mqtt mosquitto", Processes: "mosquitto", Listens: "1883 8883"}, //nolint:misspell // the program is called so
	{ID: "etcd", Title: "etcd", Words: "etcd", Processes: "etcd", Listens: "2379"},
	{ID: "consul", Title: "Consul", Words: "consul", Processes: "consul", Listens: "8500"},
	{ID: "vault", Title: "Vault", Words: "vault", Processes: "vault", Listens: "8200"},
	{ID: "nomad", Title: "Nomad", Words: "nomad", Processes: "nomad", Listens: "4646"},
	{ID: "kubeapi", Title: "the Kubernetes API", Words: "apiserver kubeapiserver kubeapi", Processes: "kube-apiserver", Listens: "6443"},
	{ID: "kubelet", Title: "kubelet", Words: "kubelet", Processes: "kubelet", Listens: "10250"},
	{ID: "docker", Title: "Docker", Words: "docker dockerd", Processes: "dockerd", Listens: "2376 2375"},

	// What every network has.
	{ID: "ssh", Title: "SSH", Words: "ssh sshd openssh sftp", Processes: "sshd dropbear", Listens: "22"},
	{ID: "telnet", Title: "Telnet", Words: "telnet", Processes: "in.telnetd telnetd", Listens: "23"},
	{ID: "ftp", Title: "FTP", Words: "ftp vsftpd proftpd pureftpd ftps", Processes: "vsftpd proftpd pure-ftpd", Listens: "21 990"},
	{ID: "smtp", Title: "SMTP", Words: "smtp postfix exim exim4 sendmail mailq mta opensmtpd ssmtp", Processes: "exim4 exim sendmail smtpd postfix sendmail-mta", Listens: "25 587 465", Family: Mail},
	{ID: "submission", Title: "mail submission", Words: "submission smtps", Listens: "587 465", Family: Mail, Of: "smtp"},
	{ID: "imap", Title: "IMAP", Words: "imap dovecot cyrus imapd", Processes: "dovecot imapd", Listens: "143 993", Family: Mail},
	{ID: "imaps", Title: "IMAPS", Words: "imaps simap", Listens: "993", Family: Mail, Of: "imap"},
	{ID: "pop3", Title: "POP3", Words: "pop3 pop", Listens: "110 995", Family: Mail, Of: "imap"},
	{ID: "pop3s", Title: "POP3S", Words: "pop3s pops spop", Listens: "995", Family: Mail, Of: "imap"},
	{ID: "mail", Title: "mail", Words: "mail email mailserver mailqueue", Listens: "25", Family: Mail, Traits: Vague},
	{ID: "dns", Title: "DNS", Words: "dns bind bind9 named unbound dnsmasq pdns powerdns coredns nsd knot dig resolver", Processes: "named unbound dnsmasq pdns_server pdns_recursor coredns nsd knotd kresd systemd-resolve systemd-resolved bind9", Listens: "53/udp 53"},
	{ID: "dhcp", Title: "DHCP", Words: "dhcp dhcpd kea", Processes: "dhcpd kea-dhcp4", Listens: "67/udp"},
	{ID: "tftp", Title: "TFTP", Words: "tftp tftpd", Processes: "in.tftpd tftpd", Listens: "69/udp"},
	{ID: "ldap", Title: "LDAP", Words: "ldap openldap slapd", Processes: "slapd ns-slapd", Listens: "389 636"},
	{ID: "ldaps", Title: "LDAPS", Words: "ldaps", Listens: "636", Of: "ldap"},
	{ID: "kerberos", Title: "Kerberos", Words: "kerberos krb5 kdc", Processes: "krb5kdc", Listens: "88 88/udp"},
	{ID: "radius", Title: "RADIUS", Words: "radius freeradius radiusd", Processes: "freeradius radiusd", Listens: "1812/udp"},
	{ID: "smb", Title: "SMB", Words: "smb cifs samba smbd", Processes: "smbd", Listens: "445 139"},
	{ID: "nfs", Title: "NFS", Words: "nfs nfsd nfs4", Processes: "nfsd", Listens: "2049"},
	{ID: "rpcbind", Title: "rpcbind", Words: "rpcbind portmap portmapper", Processes: "rpcbind portmap", Listens: "111 111/udp"},
	{ID: "rsync", Title: "rsync", Words: "rsync rsyncd", Processes: "rsync", Listens: "873"},
	{ID: "syslog", Title: "syslog", Words: "syslog rsyslog rsyslogd syslogng", Processes: "rsyslogd syslog-ng", Listens: "514/udp 514 6514"},
	{ID: "cups", Title: "CUPS", Words: "cups cupsd ipp", Processes: "cupsd", Listens: "631"},
	{ID: "rdp", Title: "RDP", Words: "rdp xrdp", Processes: "xrdp", Listens: "3389"},
	{ID: "vnc", Title: "VNC", Words: "vnc", Processes: "xvnc x11vnc", Listens: "5900 5901"},
	{ID: "sip", Title: "SIP", Words: "sip asterisk kamailio", Processes: "asterisk kamailio", Listens: "5060/udp 5060 5061"},
	{ID: "xmpp", Title: "XMPP", Words: "xmpp jabber ejabberd prosody", Processes: "ejabberd prosody", Listens: "5222 5269"},
	{ID: "openvpn", Title: "OpenVPN", Words: "openvpn", Processes: "openvpn", Listens: "1194/udp 1194"},
	{ID: "git", Title: "git", Words: "gitdaemon", Processes: "git-daemon", Listens: "9418"},
	{ID: "puppet", Title: "Puppet", Words: "puppetserver puppetmaster", Processes: "puppetserver", Listens: "8140"},
	{ID: "salt", Title: "Salt", Words: "saltmaster", Processes: "salt-master", Listens: "4506 4505"},
	{ID: "clamd", Title: "ClamAV", Words: "clamd clamav", Processes: "clamd", Listens: "3310"},
	{ID: "spamd", Title: "SpamAssassin", Words: "spamd spamassassin", Processes: "spamd", Listens: "783"},
	{ID: "rspamd", Title: "Rspamd", Words: "rspamd", Processes: "rspamd", Listens: "11332 11334"},

	// What watches.
	{ID: "prometheus", Title: "Prometheus", Words: "prometheus", Processes: "prometheus", Listens: "9090"},
	{ID: "alertmanager", Title: "Alertmanager", Words: "alertmanager", Processes: "alertmanager", Listens: "9093"},
	{ID: "grafana", Title: "Grafana", Words: "grafana", Processes: "grafana grafana-server", Listens: "3000", Traits: Shared},
	{ID: "loki", Title: "Loki", Words: "loki", Processes: "loki", Listens: "3100"},
	{ID: "graphite", Title: "Graphite", Words: "graphite carbon", Processes: "carbon-cache carbon", Listens: "2003"},
	{ID: "icinga2", Title: "Icinga 2", Words: "icinga icinga2", Processes: "icinga2", Listens: "5665"},
	{ID: "zabbixserver", Title: "the Zabbix server", Words: "zabbixserver zabbixproxy", Processes: "zabbix_server zabbix_proxy zabbix-server zabbix-proxy", Listens: "10051"},
	{ID: "nrpe", Title: "NRPE", Words: "nrpe", Processes: "nrpe nagios-nrpe-server", Listens: "5666", Traits: Agent},
	{ID: "zabbixagent", Title: "the Zabbix agent", Words: "zabbixagent zabbixagentd zabbixagent2", Processes: "zabbix_agentd zabbix_agent2 zabbix-agent zabbix-agent2", Listens: "10050", Traits: Agent},
	{ID: "nodeexporter", Title: "node_exporter", Words: "nodeexporter", Processes: "node_exporter prometheus-node-exporter node-exporter", Listens: "9100", Traits: Agent},
	{ID: "checkmk", Title: "the Checkmk agent", Processes: "cmk-agent-ctl check-mk-agent", Listens: "6556", Traits: Agent},
	{ID: "munin", Title: "the Munin node", Words: "muninnode", Processes: "munin-node", Listens: "4949", Traits: Agent},
	{ID: "snmp", Title: "SNMP", Words: "snmp snmpd", Processes: "snmpd", Listens: "161/udp 161", Traits: Agent},
	{ID: "nsclient", Title: "NSClient++", Words: "nsclient nscp", Processes: "nscp", Listens: "12489 8443", Traits: Agent},
	{ID: "exporter", Title: "an exporter", Words: "exporter", Traits: Agent | Vague},
}

// exported are the exporters of Prometheus by the port that they usually answer on,
// and what they measure (the project's list of default ports).
var exported = map[uint16]string{
	9101: "haproxy", 9104: "mysql", 9113: "nginx", 9114: "elasticsearch", 9117: "apache", 9121: "redis",
	9127: "pgbouncer", 9150: "memcached", 9187: "postgresql", 9216: "mongodb", 9308: "kafka", 9419: "rabbitmq",
}

// runtimes run other people's programs: their name says nothing of what a service
// is.
const runtimes = "java python python2 python3 node nodejs ruby perl php beam beam.smp dotnet mono deno bun sh bash " +
	"docker-proxy rootlessport conmon systemd init xinetd inetd inetutils-inetd launcher supervisord gosu tini master node-red"

// proxies pass on what they take, on whatever port.
const proxies = "haproxy nginx envoy traefik docker-proxy rootlessport pasta slirp4netns kube-proxy stunnel stunnel4 socat ssh sshd-session " +
	"xinetd inetd systemd rinetd sslh ipvs openresty angie caddy proxysql maxscale mysqlrouter pgbouncer pgpool twemproxy nutcracker istio-proxy linkerd2-proxy"

// roles are words in names of units and containers for the part that software plays.
const roles = "server main master primary secondary replica slave leader follower node data cluster db database service standalone broker proxy web prod " +
	"production dev test staging live default local alpine a b c"

func ports(list string) (out []Port) {
	for word := range strings.FieldsSeq(list) {
		number, protocol, ok := strings.Cut(word, "/")
		if !ok {
			protocol = "tcp"
		}
		n, _ := strconv.ParseUint(number, 10, 16) // the table is tried by a test
		out = append(out, Port{uint16(n), topology.Protocol(protocol)})
	}
	return out
}
