package security

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/kubespore/kubespore/test/boot/issuer"
	"github.com/kubespore/kubespore/test/boot/lab"
)

// review is what the API server says of who asks.
type review struct {
	Status struct {
		UserInfo struct {
			Username string
			Groups   []string
		}
	}
}

// presented is a token, and the status that the API server answers.
type presented struct {
	what   string
	token  string
	status int
}

// TokensDecide has users of a group log in with tokens of the scenario's issuer: what is as
// it should be is let in under the name that the topology gives it, what is not is refused.
func TokensDecide(ctx context.Context, r *lab.Run, words []string) (string, error) {
	if r.Tokens == nil {
		return "", errors.New("the scenario has no issuer")
	}
	group := words[0]
	all, err := tokens(r.Tokens, group)
	if err != nil {
		return "", err
	}
	client, err := lab.ReadKubeconfig(r.Operator(), r.Lab.Lan.Dial)
	if err != nil {
		return "", err
	}
	for _, p := range all {
		status, found, err := whoAmI(ctx, client.As(p.token))
		if err != nil {
			return "", fmt.Errorf("a token %s: %w", p.what, err)
		}
		if status != p.status {
			return "", fmt.Errorf("a token %s is answered by %d, not %d", p.what, status, p.status)
		}
		user := found.Status.UserInfo
		if p.status == http.StatusCreated && (user.Username != "oidc:ada" || !slices.Contains(user.Groups, "oidc:"+group)) {
			return "", fmt.Errorf("a token %s is for %s of %s", p.what, user.Username, strings.Join(user.Groups, ", "))
		}
	}
	for path, wanted := range map[string]int{lab.NodesPath: http.StatusOK, "/api/v1/secrets": http.StatusForbidden} {
		status, _, err := client.As(all[0].token).Ask(ctx, http.MethodGet, path, "")
		if err == nil && status != wanted {
			err = fmt.Errorf("%s is answered by %d, not %d", path, status, wanted)
		}
		if err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("one of %d let in", len(all)), nil
}

// tokens are one that is as it should be, and others that differ from it in one thing.
func tokens(i *issuer.Issuer, group string) ([]presented, error) {
	stranger, err := issuer.NewKey()
	if err != nil {
		return nil, err
	}
	good := i.Claims("ada", group)
	ended, elsewhere, others := good, good, good
	ended.Expiry = jwt.NewNumericDate(time.Now().Add(-time.Minute))
	elsewhere.Audience = jwt.Audience{"another"}
	others.Issuer += "/other"
	rows := []presented{{"that is as it should be", "", http.StatusCreated}, {"that has ended", "", http.StatusUnauthorized}, {"for others", "", http.StatusUnauthorized}, {"of another issuer", "", http.StatusUnauthorized}}
	for n, claims := range []issuer.Claims{good, ended, elsewhere, others} {
		if rows[n].token, err = i.Token(claims); err != nil {
			return nil, err
		}
	}
	forged, err := issuer.Sign(good, stranger)
	return append(rows, presented{"that another key signed", forged, http.StatusUnauthorized}), err
}

// whoAmI gives the status of the answer, and whom the API server takes the client for.
func whoAmI(ctx context.Context, c *lab.Client) (int, review, error) {
	var found review
	status, body, err := c.Ask(ctx, http.MethodPost, "/apis/authentication.k8s.io/v1/selfsubjectreviews", `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`)
	if err == nil && status == http.StatusCreated {
		err = json.Unmarshal(body, &found)
	}
	return status, found, err
}
