# Written by kubespore: etcdctl speaks to this machine's member, as any user who may
# read its key.
if [ -r /etc/kubernetes/pki/etcd/server.key ]; then
	export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379
	export ETCDCTL_CACERT=/etc/kubernetes/pki/etcd/ca.crt
	export ETCDCTL_CERT=/etc/kubernetes/pki/etcd/server.crt
	export ETCDCTL_KEY=/etc/kubernetes/pki/etcd/server.key
fi
