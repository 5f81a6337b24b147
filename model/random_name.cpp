#include "model/random_name.h"

#include <array>
#include <string_view>

namespace stack {

namespace {

constexpr auto kManners = std::to_array<std::string_view>(
    {"able",    "amiable",  "apt",      "bold",    "brave",   "bright",  "brisk",   "calm",   "candid",
     "careful", "cheerful", "clever",   "cordial", "curious", "daring",  "deft",    "eager",  "earnest",
     "elegant", "fair",     "fearless", "fervent", "fond",    "frank",   "gallant", "gentle", "gifted",
     "glad",    "graceful", "happy",    "hardy",   "honest",  "hopeful", "humble",  "jolly",  "keen",
     "kind",    "lively",   "loyal",    "lucid",   "merry",   "mild",    "modest",  "neat",   "nimble",
     "noble",   "patient",  "placid",   "playful", "polite",  "proud",   "quick",   "quiet",  "ready",
     "serene",  "sharp",    "shrewd",   "sincere", "sober",   "steady",  "stoic",   "sturdy", "subtle",
     "swift",   "tender",   "thrifty",  "tidy",    "upbeat",  "vivid",   "warm",    "wise",   "witty",
     "zealous", "zesty"});

constexpr auto kPeople = std::to_array<std::string_view>(
    {"abel",       "archimedes", "babbage",  "bardeen",   "bell",       "blackwell",  "bohr",      "boole",
     "bose",       "boyle",      "cantor",   "carson",    "cerf",       "church",     "clarke",    "colden",
     "cori",       "curie",      "darwin",   "dijkstra",  "edison",     "einstein",   "engelbart", "euclid",
     "euler",      "faraday",    "fermat",   "fermi",     "feynman",    "franklin",   "galileo",   "galois",
     "gauss",      "germain",    "goodall",  "hamilton",  "hawking",    "heisenberg", "herschel",  "hertz",
     "hilbert",    "hodgkin",    "hopper",   "hypatia",   "jackson",    "johnson",    "joliot",    "kalam",
     "keller",     "kepler",     "khorana",  "knuth",     "kowalevski", "lamarr",     "lamport",   "leavitt",
     "liskov",     "lovelace",   "maxwell",  "mayer",     "mccarthy",   "mcclintock", "meitner",   "mendel",
     "mirzakhani", "moore",      "nash",     "newton",    "nobel",      "noether",    "pascal",    "pasteur",
     "perlman",    "planck",     "raman",    "ramanujan", "ride",       "ritchie",    "rosalind",  "shannon",
     "sutherland", "tesla",      "thompson", "torvalds",  "turing",     "vaughan",    "volhard",   "wescoff",
     "wiles",      "wozniak"});

}  // namespace

std::string random_name(uint64_t number) {
  std::string name(kManners[number % kManners.size()]);
  name += '_';
  name += kPeople[number / kManners.size() % kPeople.size()];
  return name;
}

}  // namespace stack
