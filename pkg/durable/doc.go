// Package durable writes files so that neither kill -9 nor a power cut nor a
// full disk leaves half of something: single files, many files as one (a
// [Journal]), and whole folders put in the place of others ([Replace]).
//
// Thousands of files are flushed by one syncfs per step, never one by one.
// Errors say in plain words what is wrong and what helps.
//
// It must not import anything of kubespore.
package durable
