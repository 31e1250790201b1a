package verify

// tlsServer says which flags of a program make it a TLS server.
type tlsServer struct {
	name          string // in messages
	urls          string // flag with the URLs it listens on, or
	address, port string // flags with its address and port
	defaultPort   string //
	cert, key     string // flags with its certificate and key
	clientCA      string // flag with the authority that it verifies clients by
}

// tlsClient says which flags of a program make it a TLS client.
type tlsClient struct {
	name      string
	urls      string // flag with what it dials: URLs, or name=URL pairs
	kubelets  bool   // it dials the kubelet of every node instead
	cert, key string
	ca        string // flag with the authority that it verifies the server by
}

// programs are the TLS servers and clients of a control plane, by the flags
// that their own documentation gives (kubernetes-facts: kube-apiserver --help,
// etcd --help).
var programs = map[string]struct {
	servers []tlsServer
	clients []tlsClient
}{
	"kube-apiserver": {
		servers: []tlsServer{{name: "the API server", address: "advertise-address", port: "secure-port", defaultPort: "6443",
			cert: "tls-cert-file", key: "tls-private-key-file", clientCA: "client-ca-file"}},
		clients: []tlsClient{
			{name: "the API server", urls: "etcd-servers", cert: "etcd-certfile", key: "etcd-keyfile", ca: "etcd-cafile"},
			{name: "the API server", kubelets: true, cert: "kubelet-client-certificate", key: "kubelet-client-key", ca: "kubelet-certificate-authority"},
		},
	},
	"flanneld": {clients: []tlsClient{{name: "flanneld", urls: "etcd-endpoints", cert: "etcd-certfile", key: "etcd-keyfile", ca: "etcd-cafile"}}},
	"etcd": {
		servers: []tlsServer{
			{name: "etcd", urls: "listen-client-urls", cert: "cert-file", key: "key-file", clientCA: "trusted-ca-file"},
			{name: "etcd's peers", urls: "listen-peer-urls", cert: "peer-cert-file", key: "peer-key-file", clientCA: "peer-trusted-ca-file"},
		},
		clients: []tlsClient{
			{name: "etcd", urls: "initial-cluster", cert: "peer-cert-file", key: "peer-key-file", ca: "peer-trusted-ca-file"},
		},
	},
}
