#include <gtest/gtest.h>

#include <cstring>

#include "images/archive/tar_reader.h"
#include "images/archive/tar_writer.h"

namespace stack::images {
namespace {

std::string written(const std::vector<std::pair<TarEntry, std::string>>& entries) {
  std::string out;
  TarWriter writer([&](std::string_view bytes) -> Result<> {
    out += bytes;
    return {};
  });
  for (const auto& [entry, content] : entries) {
    EXPECT_TRUE(writer.entry(entry));
    if (!content.empty()) {
      EXPECT_TRUE(writer.content(content));
    }
  }
  EXPECT_TRUE(writer.finish());
  return out;
}

TarEntry plain(std::string name, int64_t size = 0) {
  TarEntry entry;
  entry.name = std::move(name);
  entry.mode = 0644;
  entry.size = size;
  entry.mtime = 1000000000;
  return entry;
}

ByteSource from(const std::string& bytes, size_t piece = 700) {
  auto position = std::make_shared<size_t>(0);
  return [&bytes, position, piece](char* buffer, size_t size) -> Result<size_t> {
    size_t n = std::min({size, piece, bytes.size() - *position});
    std::memcpy(buffer, bytes.data() + *position, n);
    *position += n;
    return n;
  };
}

std::string read_content(TarReader& reader) {
  std::string out;
  char buffer[300];
  for (;;) {
    Result<size_t> n = reader.read(buffer, sizeof buffer);
    EXPECT_TRUE(n);
    if (!n || *n == 0) return out;
    out.append(buffer, *n);
  }
}

// Reads everything; returns the error, or "".
std::string read_error(const std::string& bytes) {
  TarReader reader(from(bytes));
  for (;;) {
    Result<std::optional<TarMember>> member = reader.next();
    if (!member) return member.error().text();
    if (!*member) return "";
  }
}

TEST(Tar, EntriesRoundTrip) {
  TarEntry entry = plain(std::string(150, 'd') + "/" + std::string(120, 'f'), 5);
  entry.uid = 3000000;
  entry.gid = 4000000000;
  entry.mode = 06755;
  entry.xattrs = {{"security.capability", std::string("\x01\0\n=x", 5)}, {"user.a", "b"}};
  TarEntry link = plain("link");
  link.type = '2';
  link.link_name = std::string(200, 't');
  TarEntry device = plain("dev");
  device.type = '3';
  device.device_major = 1;
  device.device_minor = 3;
  std::string bytes = written({{entry, "hello"}, {link, ""}, {device, ""}});
  EXPECT_EQ(bytes.size() % 512, 0u);
  TarReader reader(from(bytes));
  std::optional<TarMember> read = *reader.next();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, entry.name);
  EXPECT_EQ(read->uid, 3000000);
  EXPECT_EQ(read->gid, 4000000000);
  EXPECT_EQ(read->mode, 06755u);
  EXPECT_EQ(read->mtime, 1000000000);
  EXPECT_EQ(read->xattrs, entry.xattrs);
  EXPECT_EQ(read_content(reader), "hello");
  read = *reader.next();
  EXPECT_EQ(read->link_name, link.link_name);
  read = *reader.next();
  EXPECT_EQ(read->device_major, 1u);
  EXPECT_EQ(read->device_minor, 3u);
  EXPECT_FALSE(*reader.next());
}

TEST(Tar, EqualEntriesGiveEqualBytes) {
  TarEntry entry = plain("a", 1);
  entry.xattrs = {{"user.b", "1"}, {"user.a", "2"}};
  EXPECT_EQ(written({{entry, "x"}}), written({{entry, "x"}}));
}

TEST(Tar, NegativeAndHugeTimesSurvive) {
  for (int64_t time : {int64_t{-1}, int64_t{0}, int64_t{1} << 40}) {
    TarEntry entry = plain("a");
    entry.mtime = time;
    std::string bytes = written({{entry, ""}});
    TarReader reader(from(bytes));
    EXPECT_EQ((*reader.next())->mtime, time);
  }
}

TEST(Tar, ContentNotReadIsSkipped) {
  std::string bytes = written({{plain("a", 2000), std::string(2000, 'x')}, {plain("b", 1), "y"}});
  TarReader reader(from(bytes));
  ASSERT_TRUE(*reader.next());
  std::optional<TarMember> second = *reader.next();
  EXPECT_EQ(second->name, "b");
  EXPECT_EQ(read_content(reader), "y");
}

TEST(Tar, WriterRefusesWrongLengths) {
  TarWriter writer([](std::string_view) -> Result<> { return {}; });
  ASSERT_TRUE(writer.entry(plain("a", 3)));
  EXPECT_FALSE(writer.content("four"));
  EXPECT_FALSE(writer.entry(plain("b")));
  EXPECT_FALSE(writer.finish());
}

TEST(Tar, DamageIsAnError) {
  std::string good = written({{plain("a", 600), std::string(600, 'x')}});
  EXPECT_EQ(read_error(good), "");
  EXPECT_NE(read_error(good.substr(0, 700)), "") << "cut in the content";
  EXPECT_NE(read_error(good.substr(0, 300)), "") << "cut in the header";
  EXPECT_NE(read_error(std::string(512, 'x')), "");
  std::string changed = good;
  changed[0] = 'b';
  EXPECT_NE(read_error(changed), "") << "checksum";
}

// A header with a correct checksum and arbitrary fields.
std::string raw_header(char type, const std::string& size_field, const std::string& name = "n") {
  std::string block(512, '\0');
  block.replace(0, name.size(), name);
  block.replace(100, 7, "0000644");
  block.replace(124, size_field.size(), size_field);
  block[156] = type;
  block.replace(257, 8,
                std::string("ustar\0"
                            "00",
                            8));
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  block.replace(148, 7, std::string(text, 7));
  return block;
}

TEST(Tar, LengthsAreCheckedBeforeUse) {
  EXPECT_NE(read_error(raw_header('x', "77777777777")), "") << "8 GiB of PAX header";
  EXPECT_NE(read_error(raw_header('L', "77777777777")), "") << "8 GiB of name";
  EXPECT_NE(read_error(raw_header('0', "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")), "")
      << "negative size";
  EXPECT_NE(read_error(raw_header('0', "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")), "") << "2^90";
  EXPECT_NE(read_error(raw_header('0', "12z")), "");
}

TEST(Tar, HeadersOfAMemberHaveATotalLimit) {
  std::string attribute = "SCHILY.xattr.user.a=" + std::string(1000000, 'x') + "\n";
  std::string record = std::to_string(attribute.size() + 8) + " " + attribute;
  char size[12];
  std::snprintf(size, sizeof size, "%011zo", record.size());
  std::string header = raw_header('x', size) + record + std::string((512 - record.size() % 512) % 512, '\0');
  std::string end = raw_header('0', "00000000000") + std::string(1024, '\0');
  EXPECT_EQ(read_error(header + header + end), "");
  EXPECT_NE(read_error(header + header + header + header + header + end), "");
}

TEST(Tar, InvalidSparseMapsAreRejected) {
  auto sparse = [](const std::string& map, const std::string& real_size) {
    std::string records;
    for (const std::string& item : {std::string("GNU.sparse.major=1"), std::string("GNU.sparse.minor=0"),
                                    "GNU.sparse.realsize=" + real_size, std::string("GNU.sparse.name=f")}) {
      size_t length = item.size() + 2 + std::to_string(item.size() + 4).size();
      records += std::to_string(length) + " " + item + "\n";
    }
    char size[12];
    std::snprintf(size, sizeof size, "%011zo", records.size());
    std::string out = raw_header('x', size);
    records.resize((records.size() + 511) / 512 * 512, '\0');
    std::string content = map;
    content.resize(512, '\0');
    content += std::string(512, 'd');
    std::snprintf(size, sizeof size, "%011zo", content.size());
    return out + records + raw_header('0', size) + content + std::string(1024, '\0');
  };
  EXPECT_EQ(read_error(sparse("1\n1000\n512\n", "4096")), "");
  for (std::string map :
       {"1\n4000\n512\n", "1\n0\n513\n", "2\n512\n256\n0\n256\n", "99999999999\n", "1\n-1\n512\n", "x\n"})
    EXPECT_NE(read_error(sparse(map, "4096")), "") << map;
}

TEST(Tar, PaxRecordsMustBeConsistent) {
  auto pax = [](std::string records) {
    char size[12];
    std::snprintf(size, sizeof size, "%011zo", records.size());
    std::string out = raw_header('x', size);
    records.resize((records.size() + 511) / 512 * 512, '\0');
    return out + records + raw_header('0', "00000000000") + std::string(1024, '\0');
  };
  EXPECT_EQ(read_error(pax("10 path=x\n")), "");
  for (std::string bad : {"99 path=x\n", "0 path=x\n", "x path=x\n", "-5 path=x\n", "10 pathxx\n",
                          "10 path=xy", "18446744073709551626 path=x\n"})
    EXPECT_NE(read_error(pax(bad)), "") << bad;
}

TEST(Tar, BinaryNumbersAndLongNamesOfGnuTar) {
  std::string size = std::string("\x80", 1) + std::string(10, '\0') + "\x03";
  std::string name(300, 'n');
  std::string padded = name;
  padded.resize(512, '\0');
  std::string bytes = raw_header('L', "00000000455") + padded + raw_header('0', size) + "abc" +
                      std::string(509, '\0') + std::string(1024, '\0');
  TarReader reader(from(bytes));
  std::optional<TarMember> member = *reader.next();
  ASSERT_TRUE(member);
  EXPECT_EQ(member->name, name);
  EXPECT_EQ(member->size, 3);
  EXPECT_EQ(read_content(reader), "abc");
}

}  // namespace
}  // namespace stack::images
