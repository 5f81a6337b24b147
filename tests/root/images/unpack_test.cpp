// Layers from malicious archives, and the round trip of a layer through its tar stream.
#include "images/layer/layer_unpack.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cstring>

#include "base/identity.h"
#include "fixture.h"
#include "images/layer/layer_tar.h"

namespace stack::images {
namespace {

class Unpack : public testing::Test {
 public:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: owners and devices";
    ASSERT_TRUE(ensure_directory(target));
    ASSERT_TRUE(ensure_directory(top.path() + "/outside"));
    ASSERT_TRUE(write_file(top.path() + "/outside/victim", "untouched", 0600));
  }
  Unpack& add(char type, const std::string& name, const std::string& link_or_content = {},
              uint32_t mode = 0644, std::map<std::string, std::string> xattrs = {}) {
    TarEntry entry;
    entry.type = type;
    entry.name = name;
    entry.mode = mode;
    entry.mtime = 1000;
    entry.xattrs = std::move(xattrs);
    if (type == '1' || type == '2') entry.link_name = link_or_content;
    if (type == '3') entry.device_major = entry.device_minor = 1;
    if (type == '0') entry.size = static_cast<int64_t>(link_or_content.size());
    EXPECT_TRUE(writer.entry(entry));
    if (entry.size > 0) {
      EXPECT_TRUE(writer.content(link_or_content));
    }
    return *this;
  }
  Result<> unpack(const UnpackOptions& options = {}) {
    EXPECT_TRUE(writer.finish());
    size_t position = 0;
    TarReader reader([&](char* buffer, size_t size) -> Result<size_t> {
      size_t n = std::min(size, bytes.size() - position);
      std::memcpy(buffer, bytes.data() + position, n);
      position += n;
      return n;
    });
    Fd directory = *open_file(target, O_RDONLY | O_DIRECTORY);
    Result<> result = unpack_tar(reader, directory.get(), options);
    EXPECT_EQ(*read_file(top.path() + "/outside/victim"), "untouched");
    EXPECT_FALSE(path_exists(top.path() + "/outside/new"));
    EXPECT_FALSE(path_exists("/stack-unpack-test-escape"));
    struct stat info{};
    EXPECT_EQ(::stat((top.path() + "/outside/victim").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600u);
    EXPECT_EQ(info.st_nlink, 1u);
    return result;
  }
  std::string text(const std::string& name) {
    Result<std::string> content = read_file(target + "/" + name);
    return content ? *content : "(missing)";
  }
  struct stat info(const std::string& name) {
    struct stat out{};
    EXPECT_EQ(::lstat((target + "/" + name).c_str(), &out), 0) << name;
    return out;
  }
  bool is_whiteout(const std::string& name) {
    struct stat i = info(name);
    return S_ISCHR(i.st_mode) && i.st_rdev == makedev(0, 0);
  }
  std::string opaque(const std::string& name) {
    char value[8] = {};
    ssize_t n = ::getxattr((target + "/" + name).c_str(), "trusted.overlay.opaque", value, sizeof value);
    return n > 0 ? std::string(value, static_cast<size_t>(n)) : "";
  }

  TemporaryDirectory top = *TemporaryDirectory::create("/tmp/stack-unpack-test");
  std::string target = top.path() + "/target";
  std::string bytes;
  TarWriter writer{[this](std::string_view piece) -> Result<> {
    bytes += piece;
    return {};
  }};
};

TEST_F(Unpack, AbsoluteNamesStayInside) {
  ASSERT_TRUE(add('0', "/stack-unpack-test-escape", "x").unpack());
  EXPECT_EQ(text("stack-unpack-test-escape"), "x");
}

TEST_F(Unpack, DotsThatLeadOutsideAreRejected) { EXPECT_FALSE(add('0', "../outside/new", "x").unpack()); }

TEST_F(Unpack, LinkedParentIsFollowedInside) {
  ASSERT_TRUE(add('2', "d", "../outside").add('0', "d/new", "x").unpack());
  EXPECT_EQ(text("outside/new"), "x");
  EXPECT_TRUE(S_ISLNK(info("d").st_mode));
}

// A merged /usr whose archive names files by their old paths.
TEST_F(Unpack, EntriesBelowALinkBelongToItsTarget) {
  ASSERT_TRUE(add('5', "usr/lib/", "", 0755)
                  .add('0', "usr/lib/a", "1")
                  .add('2', "lib", "usr/lib")
                  .add('0', "lib/b", "2")
                  .add('5', "lib/d/", "", 0700)
                  .add('0', "lib/d/c", "3")
                  .add('1', "lib/h", "lib/a")
                  .add('0', "lib/.wh.gone")
                  .unpack());
  EXPECT_TRUE(S_ISLNK(info("lib").st_mode));
  EXPECT_EQ(text("usr/lib/a"), "1");
  EXPECT_EQ(text("usr/lib/b"), "2");
  EXPECT_EQ(text("usr/lib/d/c"), "3");
  EXPECT_EQ(info("usr/lib/d").st_mode & 07777, 0700u);
  EXPECT_EQ(info("usr/lib/a").st_nlink, 2u);
  EXPECT_TRUE(is_whiteout("usr/lib/gone"));
}

TEST_F(Unpack, AbsoluteAndChainedLinksLeadInside) {
  add('2', "a", top.path() + "/outside").add('2', "b", "a").add('0', "b/new", "x").add('0', "a/new", "y");
  ASSERT_TRUE(unpack());
  EXPECT_EQ(text(top.path().substr(1) + "/outside/new"), "y");
}

TEST_F(Unpack, FileOverALinkReplacesTheLink) {
  ASSERT_TRUE(add('2', "f", "../outside/victim").add('0', "f", "mine").unpack());
  EXPECT_EQ(text("f"), "mine");
  EXPECT_TRUE(S_ISREG(info("f").st_mode));
}

TEST_F(Unpack, HardLinksCannotReachOutside) { EXPECT_FALSE(add('1', "h", "../outside/victim").unpack()); }

TEST_F(Unpack, HardLinkThroughALinkIsRefused) {
  EXPECT_FALSE(add('2', "d", "../outside").add('1', "h", "d/victim").unpack());
}

TEST_F(Unpack, HardLinkToALinkDoesNotChangeItsTarget) {
  // The later entry of the same name must not write through the link.
  ASSERT_TRUE(add('2', "l", "../outside/victim", 0777).add('1', "h", "l").add('0', "h", "x", 04777).unpack());
  EXPECT_EQ(text("h"), "x");
}

TEST_F(Unpack, RootCannotBecomeALink) {
  EXPECT_FALSE(add('2', ".", "../outside").unpack());
  EXPECT_TRUE(is_directory(target));
}

TEST_F(Unpack, LaterFilesStayInsideIfALinkReplacesTheirDirectory) {
  ASSERT_TRUE(add('5', "d/", "", 0755)
                  .add('0', "d/f", "1")
                  .add('2', "d", "../outside")
                  .add('0', "d/new", "2")
                  .unpack());
  EXPECT_EQ(text("outside/new"), "2");
}

TEST_F(Unpack, WhiteoutsAndOpaqueDirectories) {
  add('5', "d/", "", 0755)
      .add('0', "d/kept", "x")
      .add('0', "d/.wh..wh..opq")
      .add('0', ".wh.gone")
      .add('0', "e/.wh.x");
  ASSERT_TRUE(unpack());
  EXPECT_TRUE(is_whiteout("gone"));
  EXPECT_TRUE(is_whiteout("e/x"));
  EXPECT_EQ(opaque("d"), "y");
  EXPECT_EQ(text("d/kept"), "x") << "opaque hides only what is below the layer, whatever the order";
}

TEST_F(Unpack, BadWhiteoutsAreRefused) {
  for (std::string name : {".wh.", ".wh..", ".wh...", "d/.wh..wh.x"}) {
    bytes.clear();
    EXPECT_FALSE(add('0', name).unpack()) << name;
  }
}

// Layers that Docker's aufs driver made have its data at the top.
TEST_F(Unpack, DataOfAufsIsLeftOut) {
  ASSERT_TRUE(add('5', ".wh..wh.plnk/", "", 0700)
                  .add('0', ".wh..wh.plnk/12.34", "x")
                  .add('0', ".wh..wh.aufs")
                  .add('0', "c/../kept", "y")
                  .unpack());
  EXPECT_EQ(text("kept"), "y");
  EXPECT_FALSE(path_exists(target + "/.wh..wh.plnk"));
  EXPECT_FALSE(path_exists(target + "/.wh..wh.aufs"));
}

TEST_F(Unpack, WhiteoutOfAnAddedFileHidesOnlyTheLayersBelow) {
  ASSERT_TRUE(add('0', ".wh.d").add('5', "d/", "", 0755).add('0', "d/new-content", "x").unpack());
  EXPECT_EQ(opaque("d"), "y");
  EXPECT_EQ(text("d/new-content"), "x");
}

TEST_F(Unpack, ForgedOverlayAttributesAreDropped) {
  add('5', "d/", "", 0755,
      {{"trusted.overlay.opaque", "y"}, {"trusted.overlay.redirect", "/etc"}, {"user.keep", "1"}});
  ASSERT_TRUE(unpack());
  EXPECT_EQ(opaque("d"), "");
  char value[8];
  EXPECT_LT(::getxattr((target + "/d").c_str(), "trusted.overlay.redirect", value, sizeof value), 0);
}

TEST_F(Unpack, WhiteoutDeviceIsRejected) {
  TarEntry entry;
  entry.type = '3';
  entry.name = "fake";
  ASSERT_TRUE(writer.entry(entry));
  EXPECT_FALSE(unpack());
}

TEST_F(Unpack, DevicesOnlyWhereAllowed) {
  UnpackOptions options;
  options.devices = false;
  EXPECT_FALSE(add('3', "null", "", 0666).unpack(options));
}

TEST_F(Unpack, ModesOwnersTimesAndSetIdBitsArePreserved) {
  ASSERT_TRUE(add('5', "d/", "", 02755).add('0', "d/s", "x", 04755).add('6', "d/pipe").unpack());
  EXPECT_EQ(info("d").st_mode & 07777, 02755u);
  EXPECT_EQ(info("d/s").st_mode & 07777, 04755u);
  EXPECT_TRUE(S_ISFIFO(info("d/pipe").st_mode));
  EXPECT_EQ(info("d").st_mtim.tv_sec, 1000);
}

TEST_F(Unpack, LastOfEqualNamesWins) {
  ASSERT_TRUE(
      add('0', "f", "first").add('0', "f", "second").add('0', "x", "file").add('5', "x/", "", 0755).unpack());
  EXPECT_EQ(text("f"), "second");
  EXPECT_TRUE(S_ISDIR(info("x").st_mode));
}

TEST_F(Unpack, LinkWithATrailingSlashIsNotFollowed) {
  add('2', "d", "../outside/").add('5', "d/").add('0', "d/new", "x");
  ASSERT_TRUE(unpack());
  EXPECT_TRUE(S_ISDIR(info("d").st_mode));
  EXPECT_EQ(text("d/new"), "x");
}

TEST_F(Unpack, CircularLinksAreReplacedAndDanglingOnesFollowed) {
  add('2', "a", "nowhere").add('0', "a/f", "x").add('2', "b", "c").add('2', "c", "b").add('0', "b/f", "y");
  ASSERT_TRUE(unpack());
  EXPECT_EQ(text("nowhere/f"), "x");
  EXPECT_EQ(text("b/f"), "y");
}

TEST_F(Unpack, WhiteoutsBelowLinksStayInside) {
  add('2', "d", "../outside")
      .add('0', "d/.wh.victim", "")
      .add('2', "e", "../outside")
      .add('0', "e/.wh..wh..opq", "");
  ASSERT_TRUE(unpack());
  EXPECT_TRUE(is_whiteout("outside/victim"));
  EXPECT_EQ(opaque("outside"), "y");
}

TEST_F(Unpack, ExistingNamedPipeIsReplacedNotOpened) {
  add('6', "p").add('0', "p", "file").add('6', "q").add('0', "q/f", "x").add('6', "r").add('5', "r/");
  ASSERT_TRUE(unpack());
  EXPECT_EQ(text("p"), "file");
  EXPECT_EQ(text("q/f"), "x");
}

TEST_F(Unpack, HardLinksToDirectoriesAndMissingFilesAreRejected) {
  EXPECT_FALSE(add('5', "d/").add('1', "h", "d").unpack());
  bytes.clear();
  writer = TarWriter([this](std::string_view piece) -> Result<> {
    bytes += piece;
    return {};
  });
  EXPECT_FALSE(add('1', "h", "missing").unpack());
}

TEST_F(Unpack, NamesAreBytesAndMayExceedAPath) {
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += std::string(100, static_cast<char>('a' + i % 26)) + "/";
  add('0', "caf\xe9 \xff", "x").add('0', deep + "f", "deep").add('0', "A", "1").add('0', "a", "2");
  ASSERT_TRUE(unpack());
  EXPECT_EQ(text("caf\xe9 \xff"), "x");
  EXPECT_EQ(text("A") + text("a"), "12");
  EXPECT_FALSE(path_exists(target + "/f"));
}

TEST_F(Unpack, NameTooLongForTheFileSystemIsRejected) {
  EXPECT_FALSE(add('0', std::string(256, 'n'), "x").unpack());
}

TEST_F(Unpack, OwnersOutOfRangeAreRefused) {
  TarEntry entry;
  entry.name = "f";
  entry.uid = int64_t{1} << 32;
  EXPECT_TRUE(writer.entry(entry));
  EXPECT_FALSE(unpack());
}

TEST_F(Unpack, LayerSurvivesTheRoundTripThroughItsTarStream) {
  add('5', "d/", "", 0711)
      .add('0', "d/f", std::string(5000, 'z'), 04755)
      .add('1', "d/h", "d/f")
      .add('2', "l", "/abs");
  add('0', ".wh.gone").add('5', "o/", "", 0755).add('0', "o/.wh..wh..opq").add('3', "dev", "", 0600);
  ASSERT_TRUE(unpack());
  std::string stream;
  Result<LayerDigest> first = write_layer_tar(target, [&](std::string_view piece) -> Result<> {
    stream += piece;
    return {};
  });
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ("sha256:" + sha256_hex(stream), first->diff_id);
  EXPECT_EQ(first->tar_size, static_cast<int64_t>(stream.size()));
  std::string second = top.path() + "/second";
  ASSERT_TRUE(ensure_directory(second));
  Fd directory = *open_file(second, O_RDONLY | O_DIRECTORY);
  size_t position = 0;
  TarReader reader([&](char* buffer, size_t size) -> Result<size_t> {
    size_t n = std::min(size, stream.size() - position);
    std::memcpy(buffer, stream.data() + position, n);
    position += n;
    return n;
  });
  ASSERT_TRUE(unpack_tar(reader, directory.get()));
  EXPECT_EQ(digest_layer(second)->diff_id, first->diff_id);
}

TEST_F(Unpack, DigestDependsOnContentModeAndWhiteoutsButNotOnCreationOrder) {
  auto digest = [&](const std::string& script) {
    std::string dir = top.path() + "/" + random_hex(4);
    SpawnRequest request;
    request.program = "/bin/sh";
    request.args = {
        "-c", "mkdir -p " + dir + " && cd " + dir + " && " + script + " && find . -exec touch -h -d @5 {} +"};
    EXPECT_EQ(run_captured(request)->exit_code, 0);
    return digest_layer(dir)->diff_id;
  };
  EXPECT_EQ(digest("echo 1 >a; echo 2 >b"), digest("echo 2 >b; echo 1 >a"));
  EXPECT_NE(digest("echo 1 >a"), digest("echo 2 >a"));
  EXPECT_NE(digest("echo 1 >a"), digest("echo 1 >a; chmod 600 a"));
  EXPECT_NE(digest("true"), digest("mknod a c 0 0"));
}

TEST_F(Unpack, GzipBzip2XzAndZstdAreDetectedByContent) {
  ASSERT_TRUE(add('0', "f", "content").unpack());
  std::string tar = top.path() + "/plain";
  ASSERT_TRUE(write_file(tar, bytes));
  for (std::string program : {"cat", "gzip -c", "bzip2 -c", "xz -c", "zstd -qc"}) {
    SpawnRequest request;
    request.program = "/bin/sh";
    request.args = {"-c", program + " < " + tar + " > " + tar + ".packed"};
    if (run_captured(request)->exit_code != 0) continue;  // not installed
    Fd file = *open_file(tar + ".packed", O_RDONLY);
    EXPECT_TRUE(*looks_like_tar(file.get())) << program;
    TarReader reader(*open_decompressed(file.get()));
    Result<std::optional<TarMember>> member = reader.next();
    ASSERT_TRUE(member) << program << ": " << member.error().text();
    EXPECT_EQ((*member)->name, "f") << program;
  }
  ASSERT_TRUE(write_file(tar, "not an archive at all, only text"));
  Fd file = *open_file(tar, O_RDONLY);
  EXPECT_FALSE(*looks_like_tar(file.get()));
}

}  // namespace
}  // namespace stack::images
