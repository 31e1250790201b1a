// Package doctor knows what the programs and units of a machine say on its
// console and in its journal, and what to do about it. It works on text that
// was copied from a machine, and needs neither the machine nor a topology.
package doctor
