package media

import (
	"encoding/json"
	"fmt"
)

// Files of matchbox's data folder.
type (
	matchboxGroup struct {
		ID       string            `json:"id"`
		Name     string            `json:"name"`
		Profile  string            `json:"profile"`
		Selector map[string]string `json:"selector"`
	}
	matchboxProfile struct {
		ID       string        `json:"id"`
		Name     string        `json:"name"`
		Boot     *matchboxBoot `json:"boot,omitempty"`
		Ignition string        `json:"ignition_id,omitempty"`
	}
	matchboxBoot struct {
		Kernel string   `json:"kernel"`
		Initrd []string `json:"initrd"`
		Args   []string `json:"args"`
	}
)

// Matchbox is the data folder of matchbox. A machine's address selects what it
// boots; its document is given out for the token that stands there alone, so
// that an address, which everyone can see, does not give it away.
func Matchbox(n Netboot) Medium {
	return Medium{
		Name: "matchbox", Formats: []string{ignition}, NeedsSystem: true,
		Instead: "matchbox serves Ignition: use media pxe",
		Make: func(h *Host) ([]File, error) {
			if err := demandPort(h); err != nil {
				return nil, err
			}
			own, err := h.Read(h.document())
			if err != nil {
				return nil, err
			}
			document, err := n.fetched(h, "/assets")
			if err != nil {
				return nil, err
			}
			secret := token(own)
			b := n.boot(h, "/assets", n.absolute("/ignition?token="+secret))
			out := []File{textFile("matchbox/ignition/"+h.Name+".ign", h.Name, string(document))}
			add := func(kind, name string, value any) {
				data, problem := json.MarshalIndent(value, "", "  ")
				if problem != nil {
					err = problem
				}
				out = append(out, textFile("matchbox/"+kind+"/"+name+".json", h.Name, string(data)+"\n"))
			}
			add("profiles", h.Name, matchboxProfile{ID: h.Name, Name: h.Name, Boot: &matchboxBoot{Kernel: b.kernel, Initrd: []string{"--name main " + b.initrd}, Args: b.args}})
			add("profiles", h.Name+".document", matchboxProfile{ID: h.Name + ".document", Name: h.Name, Ignition: h.Name + ".ign"})
			add("groups", h.Name+".document", matchboxGroup{ID: h.Name + ".document", Name: h.Name, Profile: h.Name + ".document", Selector: map[string]string{"token": secret}})
			for i, mac := range h.MACs {
				id := fmt.Sprintf("%s.%d", h.Name, i)
				add("groups", id, matchboxGroup{ID: id, Name: h.Name, Profile: h.Name, Selector: map[string]string{"mac": mac}})
			}
			return out, err
		},
	}
}
