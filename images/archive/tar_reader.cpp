#include "images/archive/tar_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace stack::images {

namespace {

constexpr size_t kTarBlock = 512;
constexpr size_t kLongestHeader = size_t{1} << 20;      // of PAX records or a GNU long name
constexpr int64_t kMostHeaderBytes = int64_t{4} << 20;  // of all headers of one member together
constexpr size_t kMostPieces = size_t{1} << 20;
constexpr int64_t kLargestFile = int64_t{1} << 50;

Error damaged(std::string_view what) { return invalid("damaged tar archive: " + std::string(what)); }

std::string field_text(const char* block, size_t offset, size_t width) {
  return std::string(block + offset, ::strnlen(block + offset, width));
}

// Octal digits, or GNU's base-256 if the first bit is set.
Result<int64_t> field_number(const char* block, size_t offset, size_t width) {
  const char* field = block + offset;
  if ((static_cast<unsigned char>(field[0]) & 0x80) != 0) {
    bool negative = (static_cast<unsigned char>(field[0]) & 0x40) != 0;
    uint64_t value = negative ? ~uint64_t{0} : 0;
    for (size_t i = 0; i < width; ++i) {
      auto byte = static_cast<unsigned char>(field[i]);
      if (i == 0 && !negative) byte &= 0x7f;
      if (i + 8 < width && byte != (negative ? 0xff : 0x00)) return damaged("number too large");
      value = (value << 8) | byte;
    }
    if (!negative && value > static_cast<uint64_t>(INT64_MAX)) return damaged("number too large");
    return static_cast<int64_t>(value);
  }
  uint64_t value = 0;
  size_t i = 0;
  while (i < width && (field[i] == ' ' || field[i] == '0')) ++i;
  for (; i < width && field[i] >= '0' && field[i] <= '7'; ++i)
    value = value * 8 + static_cast<uint64_t>(field[i] - '0');
  if (i < width && field[i] != '\0' && field[i] != ' ') return damaged("not a number");
  return static_cast<int64_t>(value);
}

bool checksum_matches(const char* block) {
  unsigned plain = 0;
  int old_style = 0;  // some writers summed signed bytes
  for (size_t i = 0; i < kTarBlock; ++i) {
    char c = i >= 148 && i < 156 ? ' ' : block[i];
    plain += static_cast<unsigned char>(c);
    old_style += static_cast<signed char>(c);
  }
  Result<int64_t> stored = field_number(block, 148, 8);
  return stored && (*stored == static_cast<int64_t>(plain) || *stored == old_style);
}

Result<int64_t> decimal(std::string_view text) {
  text = text.substr(0, text.find('.'));  // fractions of a second
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    return damaged("bad number in header");
  return value;
}

int64_t padded(int64_t size) {
  return (size + static_cast<int64_t>(kTarBlock) - 1) & ~static_cast<int64_t>(kTarBlock - 1);
}

std::string base64_decoded(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (char c : text) {
    size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) break;
    bits = (bits << 6) | static_cast<unsigned>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>((bits >> count) & 0xff);
    }
  }
  return out;
}

}  // namespace

struct TarReader::Extended {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<std::string> sparse_name;
  std::optional<int64_t> size;
  std::optional<int64_t> sparse_size;
  std::optional<int64_t> uid;
  std::optional<int64_t> gid;
  std::optional<int64_t> mtime;
  bool sparse_1_0 = false;
  std::map<std::string, std::string> xattrs;
};

Result<> TarReader::read_exactly(char* buffer, size_t size) {
  size_t done = 0;
  while (done < size) {
    TRY_ASSIGN(size_t n, source_(buffer + done, size - done));
    if (n == 0) return damaged("unexpected end");
    done += n;
  }
  return {};
}

// False at a clean end of the stream.
Result<bool> TarReader::read_block(char* block) {
  TRY_ASSIGN(size_t n, source_(block, kTarBlock));
  if (n == 0) return false;
  TRY(read_exactly(block + n, kTarBlock - n));
  return true;
}

Result<std::string> TarReader::read_text(int64_t size, size_t limit) {
  if (size < 0 || static_cast<uint64_t>(size) > limit) return damaged("header too large");
  std::string text(static_cast<size_t>(size), '\0');
  TRY(read_exactly(text.data(), text.size()));
  std::array<char, kTarBlock> rest{};
  TRY(read_exactly(rest.data(), static_cast<size_t>(padded(size) - size)));
  return text;
}

Result<> TarReader::skip_content() {
  int64_t left = remaining_ + padding_;
  remaining_ = padding_ = 0;
  std::array<char, 16384> buffer;
  while (left > 0) {
    auto want = static_cast<size_t>(std::min<int64_t>(left, buffer.size()));
    TRY_ASSIGN(size_t n, source_(buffer.data(), want));
    if (n == 0) return damaged("unexpected end");
    left -= static_cast<int64_t>(n);
  }
  return {};
}

Result<> TarReader::read_extended(const std::string& records, Extended& extended) {
  std::string_view rest = records;
  while (!rest.empty() && rest[0] != '\0') {
    size_t space = rest.find(' ');
    if (space == std::string_view::npos || space > 20) return damaged("bad extended header");
    TRY_ASSIGN(int64_t length, decimal(rest.substr(0, space)));
    if (length <= static_cast<int64_t>(space) + 2 || static_cast<uint64_t>(length) > rest.size() ||
        rest[static_cast<size_t>(length) - 1] != '\n')
      return damaged("bad extended header");
    std::string_view record = rest.substr(space + 1, static_cast<size_t>(length) - space - 2);
    rest.remove_prefix(static_cast<size_t>(length));
    size_t equals = record.find('=');
    if (equals == std::string_view::npos) return damaged("bad extended header");
    std::string_view key = record.substr(0, equals);
    std::string value(record.substr(equals + 1));
    constexpr std::string_view kSchily = "SCHILY.xattr.";
    constexpr std::string_view kLibarchive = "LIBARCHIVE.xattr.";
    if (key == "path") extended.path = value;
    if (key == "linkpath") extended.link = value;
    if (key == "GNU.sparse.name") extended.sparse_name = value;
    if (key == "GNU.sparse.major" && value == "1") extended.sparse_1_0 = true;
    if (key == "GNU.sparse.map" || key == "GNU.sparse.numblocks")
      return unsupported("tar archive contains sparse files in an old PAX format (0.x)");
    if (key.starts_with(kSchily)) extended.xattrs[std::string(key.substr(kSchily.size()))] = value;
    if (key.starts_with(kLibarchive))
      extended.xattrs.try_emplace(std::string(key.substr(kLibarchive.size())), base64_decoded(value));
    std::optional<int64_t>* number = key == "size"                  ? &extended.size
                                     : key == "GNU.sparse.realsize" ? &extended.sparse_size
                                     : key == "uid"                 ? &extended.uid
                                     : key == "gid"                 ? &extended.gid
                                     : key == "mtime"               ? &extended.mtime
                                                                    : nullptr;
    if (number != nullptr) {
      TRY_ASSIGN(int64_t parsed, decimal(value));
      *number = parsed;
    }
  }
  return {};
}

Result<std::optional<TarMember>> TarReader::next() {
  TRY(skip_content());
  Extended extended;
  int64_t header_bytes = 0;
  std::array<char, kTarBlock> block;
  for (;;) {
    TRY_ASSIGN(bool more, read_block(block.data()));
    if (!more) return std::optional<TarMember>();
    if (std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; }))
      return std::optional<TarMember>();
    if (!checksum_matches(block.data())) return damaged("bad header checksum (is this a tar file?)");
    TRY_ASSIGN(int64_t stored, field_number(block.data(), 124, 12));
    if (stored < 0 || stored > kLargestFile) return damaged("bad size");
    char type = block[156];
    if (type == 'x' || type == 'L' || type == 'K') header_bytes += stored;
    if (header_bytes > kMostHeaderBytes) return damaged("headers too large");
    if (type == 'x') {
      TRY_ASSIGN(std::string records, read_text(stored, kLongestHeader));
      TRY(read_extended(records, extended));
    } else if (type == 'g' || type == 'V') {  // global headers and volume labels do not describe content
      remaining_ = stored;
      padding_ = padded(stored) - stored;
      TRY(skip_content());
    } else if (type == 'L' || type == 'K') {
      TRY_ASSIGN(std::string text, read_text(stored, kLongestHeader));
      text.resize(::strnlen(text.data(), text.size()));
      (type == 'L' ? extended.path : extended.link) = text;
    } else {
      TRY_ASSIGN(TarMember out, member(block.data(), extended, stored));
      return std::optional<TarMember>(std::move(out));
    }
  }
}

Result<TarMember> TarReader::member(const char* block, const Extended& extended, int64_t stored) {
  TarMember out;
  out.type = block[156] == '\0' || block[156] == '7' ? '0' : block[156];
  out.name = field_text(block, 0, 100);
  bool ustar = std::memcmp(block + 257, "ustar\0", 6) == 0;
  if (ustar && block[345] != '\0') out.name = field_text(block, 345, 155) + "/" + out.name;
  out.link_name = field_text(block, 157, 100);
  TRY_ASSIGN(int64_t mode, field_number(block, 100, 8));
  out.mode = static_cast<uint32_t>(mode & 07777);
  TRY_ASSIGN(out.uid, field_number(block, 108, 8));
  TRY_ASSIGN(out.gid, field_number(block, 116, 8));
  TRY_ASSIGN(out.mtime, field_number(block, 136, 12));
  if (out.type == '3' || out.type == '4') {
    TRY_ASSIGN(int64_t major, field_number(block, 329, 8));
    TRY_ASSIGN(int64_t minor, field_number(block, 337, 8));
    out.device_major = static_cast<uint32_t>(major);
    out.device_minor = static_cast<uint32_t>(minor);
  }
  if (extended.size) stored = *extended.size;
  if (stored < 0 || stored > kLargestFile) return damaged("bad size");
  if (extended.path) out.name = *extended.path;
  if (extended.sparse_name) out.name = *extended.sparse_name;
  if (extended.link) out.link_name = *extended.link;
  if (extended.uid) out.uid = *extended.uid;
  if (extended.gid) out.gid = *extended.gid;
  if (extended.mtime) out.mtime = *extended.mtime;
  out.xattrs = extended.xattrs;
  // Old archives mark directories only with a trailing slash.
  if (out.type == '0' && out.name.ends_with('/')) out.type = '5';
  bool has_content = out.type == '0' || out.type == 'S';
  // Links and directories may have a meaningless size.
  if (!has_content && (out.type == '1' || out.type == '2' || out.type == '5')) stored = 0;
  remaining_ = stored;
  padding_ = padded(stored) - stored;
  out.size = has_content ? stored : 0;
  if (out.type == 'S') TRY(read_gnu_sparse(block, out));
  if (out.type == '0' && extended.sparse_1_0) {
    out.size = extended.sparse_size.value_or(0);
    TRY(read_pax_sparse(out));
  }
  if (out.name.find('\0') != std::string::npos || out.link_name.find('\0') != std::string::npos)
    return damaged("name with a zero byte");
  return out;
}

namespace {

// Pieces must be in order, inside the file, and add up to the stored size.
Result<> check_pieces(const TarMember& member, int64_t stored) {
  int64_t end = 0;
  int64_t sum = 0;
  for (auto [offset, length] : *member.pieces) {
    if (offset < end || length < 0 || offset > member.size || length > member.size - offset)
      return damaged("bad sparse map");
    end = offset + length;
    sum += length;
  }
  if (sum != stored || member.size > kLargestFile) return damaged("bad sparse map");
  return {};
}

}  // namespace

Result<> TarReader::read_gnu_sparse(const char* block, TarMember& member) {
  member.type = '0';
  member.pieces.emplace();
  auto take = [&](const char* from, size_t count) -> Result<> {
    for (size_t i = 0; i < count; ++i) {
      if (from[i * 24] == '\0') return {};
      TRY_ASSIGN(int64_t offset, field_number(from, i * 24, 12));
      TRY_ASSIGN(int64_t length, field_number(from, i * 24 + 12, 12));
      member.pieces->emplace_back(offset, length);
    }
    return {};
  };
  TRY(take(block + 386, 4));
  bool more = block[482] != '\0';
  TRY_ASSIGN(member.size, field_number(block, 483, 12));
  while (more) {
    std::array<char, kTarBlock> extra;
    TRY(read_exactly(extra.data(), extra.size()));
    TRY(take(extra.data(), 21));
    if (member.pieces->size() > kMostPieces) return damaged("sparse map too large");
    more = extra[504] != '\0';
  }
  return check_pieces(member, remaining_);
}

// Format 1.0: the content begins with the map in decimal lines, padded to a block.
Result<> TarReader::read_pax_sparse(TarMember& member) {
  member.pieces.emplace();
  std::array<char, kTarBlock> block;
  size_t position = kTarBlock;
  auto number = [&]() -> Result<int64_t> {
    std::string digits;
    for (;;) {
      if (position == kTarBlock) {
        if (remaining_ < static_cast<int64_t>(kTarBlock)) return damaged("bad sparse map");
        TRY(read_exactly(block.data(), kTarBlock));
        remaining_ -= static_cast<int64_t>(kTarBlock);
        position = 0;
      }
      char c = block[position++];
      if (c == '\n') return decimal(digits);
      digits += c;
      if (digits.size() > 20) return damaged("bad sparse map");
    }
  };
  TRY_ASSIGN(int64_t count, number());
  if (count < 0 || static_cast<uint64_t>(count) > kMostPieces) return damaged("sparse map too large");
  for (int64_t i = 0; i < count; ++i) {
    TRY_ASSIGN(int64_t offset, number());
    TRY_ASSIGN(int64_t length, number());
    member.pieces->emplace_back(offset, length);
  }
  return check_pieces(member, remaining_);
}

Result<size_t> TarReader::read(char* buffer, size_t size) {
  if (remaining_ == 0) return size_t{0};
  size_t want = std::min(size, static_cast<size_t>(remaining_));
  TRY_ASSIGN(size_t n, source_(buffer, want));
  if (n == 0) return damaged("unexpected end");
  remaining_ -= static_cast<int64_t>(n);
  return n;
}

}  // namespace stack::images
