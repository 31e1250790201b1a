package pki

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"time"
)

// A serial number of ours has the form
//
//	2 bytes  serialMark
//	5 bytes  when the certificate was made, in seconds since 1970
//	9 bytes  random: more than the 64 bits that CAs are asked for
//
// so that a certificate tells when it was made, also where its authority is younger than a
// day and it is backdated by less.
const serialMark, serialBytes, serialTime = "KS", 16, 5

// newSerial is a serial number for a certificate that is made now.
func newSerial(now time.Time) *big.Int {
	seconds := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	raw := append([]byte(serialMark), seconds[8-serialTime:]...)
	random := make([]byte, serialBytes-len(raw))
	rand.Read(random) // never fails
	return new(big.Int).SetBytes(append(raw, random...))
}

// madeAt is when a certificate was made. What someone else made, or kubespore before its
// serial numbers told, was made when it began to be valid or later: clocks that are set by
// it are never ahead.
func madeAt(c *x509.Certificate) time.Time {
	raw := c.SerialNumber.Bytes()
	if len(raw) != serialBytes || string(raw[:len(serialMark)]) != serialMark {
		return c.NotBefore
	}
	seconds := new(big.Int).SetBytes(raw[len(serialMark) : len(serialMark)+serialTime])
	if made := time.Unix(seconds.Int64(), 0).UTC(); made.After(c.NotBefore) && made.Before(c.NotAfter) {
		return made
	}
	return c.NotBefore
}
