package profiles_test

import (
	"strings"
	"testing"
)

// TestRegistrySeed: of the storage tree that a registry is filled from, blobs count
// and nothing else. Names and tags are those of the document, however the tree was
// changed, and the next start with the right tree mends what was lacking.
func TestRegistrySeed(t *testing.T) {
	m := newChroot(t, "../test/services/testdata/registry.yaml", "reg1")
	m.put(t, "/test", `
set -eu
printf 'root:x:0:0::/:/bin/sh\nregistry:x:990:990::/:/bin/false\n' >/etc/passwd
printf 'root:x:0:\nregistry:x:990:\n' >/etc/group
T=/var/lib/kubespore/payload/registry/docker/registry/v2 D=/var/lib/registry/docker/registry/v2
file() { echo "$T/blobs/sha256/${1:7:2}/${1:7}/data"; }
blob() { local d; d=sha256:$(printf '%s' "$1" | sha256sum | cut -d' ' -f1); mkdir -p "$(dirname "$(file $d)")"; printf '%s' "$1" >"$(file $d)"; echo $d; }
tag() { mkdir -p "$T/repositories/$1/current"; printf '%s' "$2" >"$T/repositories/$1/current/link"; }
one=$(blob layer1) two=$(blob layer2) config=$(blob config)
first=$(blob "{\"config\":{\"digest\":\"$config\"},\"layers\":[{\"digest\":\"$one\"}]}")
second=$(blob "{\"config\":{\"digest\":\"$config\"},\"layers\":[{\"digest\":\"$two\"}]}")
index=$(blob "{\"manifests\":[{\"digest\":\"$first\"},{\"digest\":\"$second\"}]}")
escaped=$(blob "{\"manifests\":[{\"digest\":\"sh\\u00612${first:3}\"},{\"digest\":\"$first\"},{\"digest\":\"$second\"}]}")
other=$(blob '{"layers":[]}')
A=a/_manifests/tags/1 B=team/b/_manifests/tags/v2
printf 'r.example/a:1 %s\nr.example:5000/team/b:v2 %s\nr.example:5000/team/b:v2 %s\n' $first $first $second >/etc/kubespore/registry/images
# fill WHAT: what came of it: how it ended, which names there are, and whether it is done.
fill() {
	local rc=0
	rm -rf /var/lib/registry/docker /var/lib/kubespore/registry-seeded
	DATA=/var/lib/registry timeout 60 /opt/kubespore/bin/kubespore-registry-seed >/said 2>&1 || rc=$?
	echo "$1: $rc $(cd $D 2>/dev/null && find repositories -path '*/current/link' | sort | sed 's,/_manifests.*,,; s,repositories/,,' | tr '\n' ' ')$(ls /var/lib/kubespore/registry-seeded 2>/dev/null | sed 's,.*/,,')"
}
tag $A $first; tag $B $index; tag evil/_manifests/tags/1 $first; tag a/_manifests/tags/latest $first
fill good
[ "$(cat $D/repositories/$B/current/link)" = $index ] && [ "$(cat $D/repositories/$A/current/link)" = $first ] && [ ! -e $D/repositories/a/_manifests/tags/latest ]
[ "$(stat -c %U:%a $D/repositories/$A/current/link)" = registry:640 ]
tag $A $other; fill tag
[ "$(cat $D/repositories/$A/current/link)" = $first ]
tag $A $first
tag $B $other; fill foreign
tag $B $first; fill half
tag $B $escaped; fill escaped
tag $B ../../../etc; fill nonsense
tag $B $index; printf x >"$(file $two)"; fill damaged
grep -q "damaged: ${two:7}" /said
printf layer2 >"$(file $two)"; fill mended
rm "$(file $two)"; ln -s /etc/passwd "$(file $two)"; fill link
rm "$(file $two)"; mkfifo "$(file $two)"; fill pipe
: >/etc/kubespore/registry/images; fill unlocked
`, 0o755)
	want := strings.Join([]string{
		"good: 0 a team/b registry-seeded", "tag: 0 a team/b registry-seeded", "foreign: 1 a ", "half: 1 a ", "escaped: 1 a ", "nonsense: 1 a ", "damaged: 1 a ",
		"mended: 0 a team/b registry-seeded", "link: 1 a ", "pipe: 1 a ", "unlocked: 0 ", "",
	}, "\n")
	if out := m.run(t, "bash", "/test"); out != want {
		t.Errorf("it says\n%s\nwant\n%s", out, want)
	}
}
