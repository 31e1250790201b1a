package issuer

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// What is served is the key that tokens are signed with, and no other.
func TestIssuer(t *testing.T) {
	i, err := New("https://192.0.2.1:8443")
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	i.ServeHTTP(answer, httptest.NewRequest("GET", i.URL+"/keys", nil))
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(answer.Body.Bytes(), &keys); err != nil {
		t.Fatal(err)
	}
	stranger, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	own, err := i.Token(i.Claims("ada", "viewers"))
	if err != nil {
		t.Fatal(err)
	}
	forged, err := Sign(i.Claims("ada", "viewers"), stranger)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		token string
		valid bool
	}{"own": {own, true}, "forged": {forged, false}} {
		token, err := jwt.ParseSigned(row.token, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		var claims Claims
		if err := token.Claims(keys, &claims); (err == nil) != row.valid {
			t.Errorf("%s: %v", name, err)
		}
		if row.valid && (claims.Issuer != i.URL || claims.Groups[0] != "viewers") {
			t.Errorf("%s says %+v", name, claims)
		}
	}
	for _, address := range []string{"http://192.0.2.1:80", "https://id.example.org:443", "https://192.0.2.1"} {
		if _, err := New(address); err == nil {
			t.Errorf("%s is taken", address)
		}
	}
}
