// Package payload runs what machines run to install their programs and images,
// as a real build writes it, in a root of its own: with the power cut at any
// moment, from a volume and from a mirror, and with files that are not what was
// locked. It needs root, and the tag real; with containerd, Docker or dnf, the tag
// oracle.
//
// What people bring, and which test brings it:
//
//	short names, name:tag@sha256:...            TestImageStatus (containerd's CRI), TestDocker; pkg/payload TestPinned
//	a digest that the content does not have      pkg/payload TestPinned; on a volume, too
//	a copy that broke off: half, whole, longer  TestResume (machine and script), TestMirror, TestInstall
//	Docker schema 2, fetched again by the lock  TestDownload (skopeo and crane, a real registry)
//	two archives, one architecture each         TestTwoBundles; pkg/payload TestForms "an archive of each architecture"
//	an index, exported with only one part     pkg/payload TestForms
//	the other architecture or a variant first   pkg/payload TestForms
//	two images of one name                      pkg/payload TestForms
//	an empty program, a web page for a program  pkg/payload TestNoProgram
//	an archive of another image                 pkg/payload TestForms "under the name of the bundle, but another"
//	cut off, a web page for an archive          pkg/payload TestForms "cut off", "a web page"
//	names with / in front, zstd, folders        pkg/payload TestForms
//	docker save of 25, later compressed         pkg/payload TestForms "gzip, no ending"
//	seeds on SATA, which cloud kernels lack     pkg/media TestSnippets; the boot lab's machines-cloud-init
//	what Ubuntu's installer leaves              pkg/media TestBakeAfterInstaller
//	VMware's 64 KiB                             pkg/media TestGuestinfoLimit; pkg/compile TestGoldenSizes
//	lost+found, ext4 and vfat sticks, System    TestVerifyStick
//	  Volume Information, as an ordinary user
//	upstream's own archives                     pkg/payload TestUpstream; the boot lab's payload-stick
//	packages that the system lacks              TestPackagesOfTheSystem (apt), TestPackagesByDNF, media bake in both
//	an image that no registry has               TestMadeImage; the boot lab's payload-stick
//	a registry's storage, as tree and volume    TestRegistry, TestRegistryVolume
//	registries of others, with a login          TestRegistryOfOthers, TestRegistryOfOthersByDocker
//	mirrors with a private authority            TestMirrorOverHTTPS (machine), TestPackOverHTTPS (pack and verify)
package payload
