//go:build oracle

package report_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubespore/kubespore/pkg/pki"
)

// browser is headless Chromium, which speaks its DevTools protocol over a pair
// of pipes: messages of JSON with a zero byte at the end of each.
type browser struct {
	t       *testing.T
	to      io.Writer
	from    *bufio.Reader
	session string
	last    int
	events  []message
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func startBrowser(t *testing.T) *browser {
	t.Helper()
	theirs, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	c := exec.CommandContext(ctx, "chromium-headless-shell", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir())
	c.ExtraFiles = []*os.File{theirs, theirOut} // 3 and 4
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = theirs.Close(), theirOut.Close()
	b := &browser{t: t, to: to, from: bufio.NewReader(from)}
	t.Cleanup(func() {
		b.t, b.session = t, ""
		b.call("Browser.close", nil, nil)
		_ = c.Wait()
		cancel()
		_, _ = to.Close(), from.Close()
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Network", "Runtime", "Log", "Security"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

// read gives the next message; events are kept.
func (b *browser) read() message {
	b.t.Helper()
	text, err := b.from.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("the browser went away: %v", err)
	}
	var m message
	if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
		b.t.Fatal(err)
	}
	if m.Method != "" {
		b.events = append(b.events, m)
	}
	return m
}

func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	b.last++
	request := map[string]any{"id": b.last, "method": method}
	if params != nil {
		request["params"] = params
	}
	if b.session != "" {
		request["sessionId"] = b.session
	}
	text, err := json.Marshal(request)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		m := b.read()
		if m.ID != b.last || m.Method != "" {
			continue
		}
		if m.Error != nil {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// open shows a file and waits until it is loaded.
func (b *browser) open(file string) {
	b.t.Helper()
	b.events = nil
	b.call("Page.navigate", map[string]any{"url": "file://" + file}, nil)
	for !b.saw("Page.loadEventFired") {
		b.read()
	}
}

func (b *browser) saw(method string) bool {
	for _, e := range b.events {
		if e.Method == method {
			return true
		}
	}
	return false
}

// value runs a script, which may give a promise.
func (b *browser) value(script string, into any) {
	b.t.Helper()
	var out struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails any
	}
	b.call("Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &out)
	if out.ExceptionDetails != nil {
		b.t.Fatalf("the script fails: %v", out.ExceptionDetails)
	}
	if err := json.Unmarshal(out.Result.Value, into); err != nil && into != nil {
		b.t.Fatalf("%v: %s", err, out.Result.Value)
	}
}

// quiet fails when the page asked for anything but itself, or complained.
func (b *browser) quiet() {
	b.t.Helper()
	requests := 0
	for _, e := range b.events {
		switch e.Method {
		case "Network.requestWillBeSent":
			requests++
		case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown":
			b.t.Errorf("the console says: %s", e.Params)
		}
	}
	if requests != 1 {
		b.t.Errorf("%d requests, want that of the page alone", requests)
	}
}

// axe fetches axe-core.
func axe(t *testing.T) string {
	t.Helper()
	prepare, err := os.ReadFile("../../test/tools/prepare")
	if err != nil {
		t.Fatal(err)
	}
	_, pinned, _ := strings.Cut(string(prepare), `"$here/npm" `)
	pinned, _, _ = strings.Cut(pinned, " >")
	out, err := exec.Command("../../test/tools/npm", strings.Fields(pinned)...).Output()
	if err != nil {
		t.Fatalf("%s: %v", pinned, err)
	}
	text, err := os.ReadFile(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// violation is what axe-core finds.
type violation struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

// TestBrowser opens pages in Chromium: no error, no request, nothing that
// axe-core objects to, no page wider than its window, and every box and link
// within reach of the keyboard.
func TestBrowser(t *testing.T) {
	rules := axe(t)
	b := startBrowser(t)
	for _, name := range []string{"ha.yaml", "seeds/003.yaml", "dual-stack.yaml"} {
		file := filepath.Join(t.TempDir(), "report.html")
		if err := os.WriteFile(file, pageOf(t, reportOf(t, name, readExample(t, name), pki.Memory(), now)), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int{1360, 800, 360} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, scheme, width), func(t *testing.T) {
					b.t = t
					b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
					b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
					b.open(file)
					b.look(rules, width)
				})
			}
		}
	}
}

// TestPrint lays pages out for paper of A4 width: nothing but what one reads,
// marks of the size that they have on the screen, nothing wider than the paper.
func TestPrint(t *testing.T) {
	b := startBrowser(t)
	for _, name := range []string{"ha.yaml", "dual-stack.yaml"} {
		file := filepath.Join(t.TempDir(), "report.html")
		if err := os.WriteFile(file, pageOf(t, reportOf(t, name, readExample(t, name), pki.Memory(), now)), 0o644); err != nil {
			t.Fatal(err)
		}
		b.call("Emulation.setEmulatedMedia", map[string]any{"media": "print"}, nil)
		b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": paperWidth, "height": 1000, "deviceScaleFactor": 1, "mobile": false}, nil)
		b.open(file)
		var page struct {
			Menu, Width int
			Marks       []int
		}
		b.value(`({
			Menu: document.querySelector("nav").offsetHeight,
			Width: document.documentElement.scrollWidth,
			Marks: [...document.querySelectorAll(".key svg")].map(mark => Math.round(mark.getBoundingClientRect().width)),
		})`, &page)
		if page.Menu != 0 {
			t.Errorf("%s: the menu is printed", name)
		}
		if page.Width > paperWidth {
			t.Errorf("%s: %d pixels wide, the paper has %d", name, page.Width, paperWidth)
		}
		if want := []int{26, 14, 12, 12, 12}; !slices.Equal(page.Marks, want) {
			t.Errorf("%s: the marks of the timeline are %v pixels wide, want %v", name, page.Marks, want)
		}
	}
}

// paperWidth is A4 without the margins that page.css sets, in CSS pixels.
const paperWidth = (210 - 2*12) * 960 / 254

func (b *browser) look(rules string, width int) {
	b.t.Helper()
	var shown struct {
		Width, Tables, Boxes, Reached int
		Dark                          bool
		Background                    string
	}
	b.value(`({width: document.documentElement.scrollWidth, tables: document.querySelectorAll("table").length, boxes: document.querySelectorAll(".scroll").length,
		reached: [...document.querySelectorAll(".scroll")].filter(e => { e.focus(); return document.activeElement === e }).length,
		dark: matchMedia("(prefers-color-scheme: dark)").matches, background: getComputedStyle(document.body).backgroundColor})`, &shown)
	if shown.Width > width {
		b.t.Errorf("the page is %d pixels wide in a window of %d", shown.Width, width)
	}
	if shown.Tables < 10 || shown.Reached != shown.Boxes {
		b.t.Errorf("%d tables; %d of %d boxes are reached by the keyboard", shown.Tables, shown.Reached, shown.Boxes)
	}
	if white := shown.Background == "rgb(255, 255, 255)"; white == shown.Dark {
		b.t.Errorf("the background is %s: is the style refused?", shown.Background)
	}
	b.quiet()
	b.value(rules+"; true", nil)
	var found struct {
		Passes     int
		Violations []violation
	}
	b.value(`axe.run(document).then(r => ({passes: r.passes.length, violations: r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => ({html: n.html, failureSummary: n.failureSummary}))}))}))`, &found)
	if found.Passes < 20 {
		b.t.Errorf("axe-core looked at %d rules only", found.Passes)
	}
	for _, v := range found.Violations {
		b.t.Errorf("axe-core: %s: %s, at %d places, such as %s: %s", v.ID, v.Help, len(v.Nodes), v.Nodes[0].HTML, v.Nodes[0].FailureSummary)
	}
}
