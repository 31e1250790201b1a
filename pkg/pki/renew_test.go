package pki

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"time"
)

// What is chosen gets a new key and a new life from the same authority, and the
// next build uses it.
func TestRenew(t *testing.T) {
	p := smallPlan()
	later := noon.Add(100 * 24 * time.Hour)
	for _, test := range []struct {
		choice Choice
		want   []string
	}{
		{Choice{}, []string{"cluster/admin.crt", "hosts/cp1/etcd-server.crt", "hosts/cp1/kubelet-client.crt", "hosts/w1/kubelet-client.crt"}},
		{Choice{Names: []string{"kubelet-client"}}, []string{"hosts/cp1/kubelet-client.crt", "hosts/w1/kubelet-client.crt"}},
		{Choice{Names: []string{"w1/kubelet-client", "cluster/admin"}}, []string{"cluster/admin.crt", "hosts/w1/kubelet-client.crt"}},
		{Choice{Before: 30 * 24 * time.Hour}, nil},
		{Choice{Before: year, Names: []string{"etcd-server"}}, []string{"hosts/cp1/etcd-server.crt"}},
	} {
		s := mustOpen(t, built(t, p))
		before := mustIssue(t, s, p, later)
		renewed, list := s.Renew(p, test.choice, later)
		if len(list) > 0 {
			t.Fatalf("%+v: %v", test.choice, list)
		}
		var got []string
		for _, r := range renewed {
			got = append(got, r.File)
			if !r.Ended.Equal(noon.Add(year)) || !r.NotAfter.Equal(later.Add(year)) {
				t.Errorf("%s: %+v", r.File, r)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v renewed %v, not %v", test.choice, got, test.want)
		}
		after := mustIssue(t, s, p, later)
		for _, spec := range p.Certs {
			anew := !bytes.Equal(before.Certs[spec.ID].Key, after.Certs[spec.ID].Key)
			if anew != slices.Contains(test.want, spec.ID+".crt") {
				t.Errorf("%+v: %s anew: %v", test.choice, spec.ID, anew)
			}
		}
		if !reflect.DeepEqual(before.Authorities, after.Authorities) || !reflect.DeepEqual(before.Secrets, after.Secrets) {
			t.Errorf("%+v changed authorities or secrets", test.choice)
		}
	}
}

// A store without a certificate is given none, and no authority is made for it.
func TestRenewMakesNothingNew(t *testing.T) {
	s := Memory()
	renewed, list := s.Renew(smallPlan(), Choice{}, noon)
	names, err := s.names()
	if len(renewed)+len(list)+len(names) > 0 || err != nil {
		t.Errorf("%v %v %v %v", renewed, list, names, err)
	}
}

func TestDeadlines(t *testing.T) {
	p := smallPlan()
	p.Certs[3].Life = year / 2
	s := mustOpen(t, built(t, p))
	bootBy, renewBy := Deadlines(s.List(noon))
	if !bootBy.Equal(noon.Add(year/2)) || !renewBy.Before(bootBy) {
		t.Errorf("boot by %s, renew by %s", bootBy, renewBy)
	}
	p.Certs = p.Certs[:3]
	s.MarkUsed(p)
	if bootBy, _ = Deadlines(s.List(noon)); !bootBy.Equal(noon.Add(year)) {
		t.Errorf("an unused certificate counts: boot by %s", bootBy)
	}
	for _, e := range s.List(noon.Add(year)) {
		if e.IsAuthority() == (e.Left == 0) {
			t.Errorf("%s has %v of its life left", e.File, e.Left)
		}
	}
}
