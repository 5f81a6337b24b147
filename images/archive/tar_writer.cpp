#include "images/archive/tar_writer.h"

#include <array>
#include <cstring>

namespace stack::images {

namespace {

constexpr size_t kBlock = 512;
constexpr int64_t kLargestId = 07777777;          // 7 octal digits
constexpr int64_t kLargestSize = 077777777777LL;  // 11 octal digits

using Block = std::array<char, kBlock>;

void put_text(Block& block, size_t offset, size_t width, std::string_view text) {
  std::memcpy(block.data() + offset, text.data(), std::min(width, text.size()));
}

void put_octal(Block& block, size_t offset, size_t digits, uint64_t value) {
  for (size_t i = digits; i-- > 0; value >>= 3) block[offset + i] = static_cast<char>('0' + (value & 7));
}

Block header(const TarEntry& entry, std::string_view name, std::string_view link) {
  Block block{};
  put_text(block, 0, 100, name);
  put_octal(block, 100, 7, entry.mode);
  put_octal(block, 108, 7, static_cast<uint64_t>(entry.uid <= kLargestId ? entry.uid : 0));
  put_octal(block, 116, 7, static_cast<uint64_t>(entry.gid <= kLargestId ? entry.gid : 0));
  put_octal(block, 124, 11, static_cast<uint64_t>(entry.size <= kLargestSize ? entry.size : 0));
  bool plain_time = entry.mtime >= 0 && entry.mtime <= kLargestSize;
  put_octal(block, 136, 11, static_cast<uint64_t>(plain_time ? entry.mtime : 0));
  put_text(block, 148, 8, "        ");
  block[156] = entry.type;
  put_text(block, 157, 100, link);
  put_text(block, 257, 6, std::string_view("ustar\0", 6));
  put_text(block, 263, 2, "00");
  put_octal(block, 329, 7, entry.device_major);
  put_octal(block, 337, 7, entry.device_minor);
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  put_octal(block, 148, 6, sum);
  block[154] = '\0';
  return block;
}

// "<length> <key>=<value>\n", where the length counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  size_t bare = key.size() + value.size() + 3;
  size_t length = bare + 1;
  while (length != bare + std::to_string(length).size()) length = bare + std::to_string(length).size();
  std::string out = std::to_string(length) + " ";
  out += key;
  out += '=';
  out += value;
  out += '\n';
  return out;
}

std::string pax_records(const TarEntry& entry) {
  std::string out;
  if (entry.name.size() > 100) out += pax_record("path", entry.name);
  if (entry.link_name.size() > 100) out += pax_record("linkpath", entry.link_name);
  if (entry.size > kLargestSize) out += pax_record("size", std::to_string(entry.size));
  if (entry.uid > kLargestId) out += pax_record("uid", std::to_string(entry.uid));
  if (entry.gid > kLargestId) out += pax_record("gid", std::to_string(entry.gid));
  if (entry.mtime < 0 || entry.mtime > kLargestSize) out += pax_record("mtime", std::to_string(entry.mtime));
  for (const auto& [name, value] : entry.xattrs) out += pax_record("SCHILY.xattr." + name, value);
  return out;
}

std::string_view view(const Block& block) { return {block.data(), block.size()}; }

}  // namespace

Result<> TarWriter::pad() {
  static constexpr std::array<char, kBlock> kZeros{};
  size_t used = static_cast<size_t>(unpadded_ % static_cast<int64_t>(kBlock));
  unpadded_ = 0;
  if (used == 0) return {};
  return sink_(std::string_view(kZeros.data(), kBlock - used));
}

Result<> TarWriter::entry(const TarEntry& entry) {
  if (remaining_ != 0) return Error("tar: content of the former entry is incomplete");
  std::string records = pax_records(entry);
  if (!records.empty()) {
    TarEntry extended;
    extended.type = 'x';
    extended.mode = 0644;
    extended.size = static_cast<int64_t>(records.size());
    TRY(sink_(view(header(extended, "PaxHeaders/entry", ""))));
    TRY(sink_(records));
    unpadded_ = extended.size;
    TRY(pad());
  }
  TRY(sink_(view(header(entry, std::string_view(entry.name).substr(0, 100),
                        std::string_view(entry.link_name).substr(0, 100)))));
  remaining_ = entry.type == '0' ? entry.size : 0;
  return {};
}

Result<> TarWriter::content(std::string_view bytes) {
  auto count = static_cast<int64_t>(bytes.size());
  if (count > remaining_) return Error("tar: more content than announced");
  TRY(sink_(bytes));
  remaining_ -= count;
  unpadded_ += count;
  if (remaining_ == 0) return pad();
  return {};
}

Result<> TarWriter::finish() {
  if (remaining_ != 0) return Error("tar: content of the last entry is incomplete");
  Block zeros{};
  TRY(sink_(view(zeros)));
  return sink_(view(zeros));
}

}  // namespace stack::images
