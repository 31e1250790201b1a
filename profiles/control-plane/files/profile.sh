# Written by kubespore: kubectl speaks to the cluster, as any user who may read a
# credential here.
for kubespore_file in /etc/kubernetes/admin.conf /etc/kubernetes/kubespore.conf; do
	if [ -z "${KUBECONFIG:-}" ] && [ -r "$kubespore_file" ]; then
		export KUBECONFIG=$kubespore_file
	fi
done
unset kubespore_file
