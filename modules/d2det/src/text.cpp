// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Lines of text in images. The Hershey fonts of OpenCV have ASCII only, and a name may be in any alphabet.

   A text of ASCII is drawn as cv::putText draws it. For any other one the first font file that has all its characters
   is taken: that of the program, of the environment, then the usual ones of the system. Without such a font the
   characters are replaced by Latin letters or '?'.

   Why FreeType itself and not cv::freetype: that does not say whether a font has a character, and in OpenCV 4.6 counts
   glyphs before it sets ligatures, so that what follows an "fi" is drawn twice. */

#include "text.hpp"

#include "opencv2/d2det/drawing.hpp"

#include "compat.hpp"

#include "opencv2/core/utils/logger.hpp"

#include <cstdlib>
#include <memory>
#include <mutex>
#include <sstream>
#include <vector>

#ifdef D2DET_HAVE_FREETYPE
#include <ft2build.h>
#include FT_FREETYPE_H
#endif

namespace cv
{
namespace d2det
{

namespace
{

constexpr int HERSHEY = FONT_HERSHEY_SIMPLEX;
const char* const NO_FONT = "none";

//! Latin letters for the characters from U+00C0, from U+0386 and from U+0401 on, separated by blanks.
struct LatinLetters
{
    unsigned first;
    const char* letters;
};

const LatinLetters LATIN_LETTERS[] = {
    {0x00c0,
     "A A A A A A AE C E E E E I I I I D N O O O O O x O U U U U Y Th ss "
     "a a a a a a ae c e e e e i i i i d n o o o o o / o u u u u y th y "
     "A a A a A a C c C c C c C c D d D d E e E e E e E e E e G g G g G g G g H h H h "
     "I i I i I i I i I i IJ ij J j K k k L l L l L l L l L l N n N n N n n N n "
     "O o O o O o OE oe R r R r R r S s S s S s S s T t T t T t U u U u U u U u U u U u "
     "W w Y y Y Z z Z z Z z s"},
    {0x0386,
     "A . E I I ? O ? Y O i A B G D E Z E Th I K L M N X O P R ? S T Y F Ch Ps O I Y a e i i y "
     "a b g d e z e th i k l m n x o p r s s t y f ch ps o i y o y o"},
    {0x0401, "Yo"},
    {0x0410,
     "A B V G D E Zh Z I Y K L M N O P R S T U F Kh Ts Ch Sh Shch ' Y ' E Yu Ya "
     "a b v g d e zh z i y k l m n o p r s t u f kh ts ch sh shch ' y ' e yu ya ? yo"},
};

//! Latin letters for a character; empty: there are none.
std::string latinLetters(unsigned character)
{
    for (const LatinLetters& block : LATIN_LETTERS)
    {
        std::istringstream letters(block.letters);
        std::string next;
        for (unsigned c = block.first; c <= character && letters >> next; c++)
            if (c == character)
                return next == "?" ? "" : next;
    }
    return "";
}

//! Next character of a UTF-8 text; a malformed one is U+FFFD. `at` is advanced.
unsigned nextCharacter(const std::string& text, size_t& at)
{
    const uchar lead = static_cast<uchar>(text[at++]);
    if (lead < 0x80)
        return lead;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    unsigned character = lead & (0x3f >> more);
    int found = 0;
    for (; at < text.size() && (static_cast<uchar>(text[at]) & 0xc0) == 0x80; at++, found++)
        character = character << 6 | (static_cast<uchar>(text[at]) & 0x3f);
    return lead >= 0xc0 && found == more ? character : 0xfffd;
}

std::vector<unsigned> charactersOf(const std::string& text)
{
    std::vector<unsigned> characters;
    for (size_t at = 0; at < text.size();)
        characters.push_back(nextCharacter(text, at));
    return characters;
}

bool isAscii(unsigned character)
{
    return character >= 0x20 && character < 0x7f;
}

bool isAscii(const std::string& text)
{
    for (const char c : text)
        if (!isAscii(static_cast<uchar>(c)))
            return false;
    return true;
}

struct Range
{
    unsigned first, last;
};

template <size_t N>
bool isIn(unsigned character, const Range (&ranges)[N])
{
    for (const Range& range : ranges)
        if (character >= range.first && character <= range.last)
            return true;
    return false;
}

//! Soft hyphens, joiners, marks of direction, selectors of variants.
bool isInvisible(unsigned character)
{
    static const Range ranges[] = {
        {0x00ad, 0x00ad}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064}, {0xfe00, 0xfe0f}};
    return isIn(character, ranges);
}

/** The text in ASCII: a character becomes the nearest Latin letters or one '?'.
    @return empty if no character can be drawn. */
std::string inLatinLetters(const std::string& text)
{
    std::string result;
    bool readable = text.empty();
    for (const unsigned character : charactersOf(text))
    {
        if (isInvisible(character) || (character >= 0x300 && character < 0x370))  // an accent of the letter before
            continue;
        const std::string drawn =
            isAscii(character) ? std::string(1, static_cast<char>(character)) : latinLetters(character);
        readable = readable || (!drawn.empty() && drawn != " ");
        result += drawn.empty() ? "?" : drawn;
    }
    return readable ? result : "";
}

#ifdef D2DET_HAVE_FREETYPE

const char* const VARIABLE = "D2DET_FONT";  //!< of the environment

//! Fonts in the places of Debian and Ubuntu, Fedora, Arch, macOS and Windows; the first ones have the most alphabets.
const char* const USUAL_FONTS[] = {
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:/Windows/Fonts/arial.ttf",
    "C:/Windows/Fonts/msyh.ttc",
};

/** Characters that join or change places with their neighbors: scripts that are written from right to left, of India
    and South-East Asia, letters of which Korean syllables are composed. A font alone cannot set them. */
bool needsShaping(unsigned character)
{
    static const Range ranges[] = {{0x0590, 0x0dff}, {0x0f00, 0x109f}, {0x1100, 0x11ff},
                                   {0x1700, 0x18af}, {0x1a20, 0x1c7f}, {0xa800, 0xabff},
                                   {0xfb1d, 0xfdff}, {0xfe70, 0xfeff}, {0x10800, 0x12000}};
    return isIn(character, ranges);
}

void blend(Mat& image, const FT_Bitmap& glyph, Point at, const Scalar& color)
{
    if (glyph.pixel_mode != FT_PIXEL_MODE_GRAY)
        return;
    const int channels = image.channels();
    const Rect part =
        Rect(at.x, at.y, static_cast<int>(glyph.width), static_cast<int>(glyph.rows)) & Rect(Point(), image.size());
    for (int y = part.y; y < part.br().y; y++)
    {
        const uchar* const coverage = glyph.buffer + static_cast<std::ptrdiff_t>(y - at.y) * glyph.pitch;
        for (int x = part.x; x < part.br().x; x++)
        {
            uchar* const pixel = image.ptr(y) + static_cast<std::ptrdiff_t>(x) * channels;
            const double share = coverage[x - at.x] / 255.;
            for (int c = 0; c < channels; c++)
                pixel[c] = saturate_cast<uchar>(pixel[c] + share * (color[c] - pixel[c]));
        }
    }
}

//! An outline font of a file.
class Font
{
public:
    //! Null if the file is no such font.
    static std::unique_ptr<Font> open(FT_Library library, const std::string& file)
    {
        FT_Face face = nullptr;
        if (FT_New_Face(library, file.c_str(), 0, &face) != 0)
            return nullptr;
        std::unique_ptr<Font> font(new Font(file, face));
        if (!FT_IS_SCALABLE(face) || FT_Select_Charmap(face, FT_ENCODING_UNICODE) != 0)
            return nullptr;
        return font;
    }
    ~Font() { FT_Done_Face(face_); }
    Font(const Font&) = delete;
    Font& operator=(const Font&) = delete;

    const std::string& file() const { return file_; }
    bool has(const std::vector<unsigned>& characters) const
    {
        for (const unsigned character : characters)
            if (FT_Get_Char_Index(face_, character) == 0)
                return false;
        return true;
    }

    /** Sets characters one after the other.
        @param size height of the font, pixels.
        @param image where to draw them, from the left end of their base line on; null: nowhere.
        @return their width, pixels. */
    int set(const std::vector<unsigned>& characters, double size, Mat* image, Point origin, const Scalar& color) const
    {
        if (FT_Set_Char_Size(face_, 0, cvRound(size * UNITS), DPI, DPI) != 0)
            return 0;
        FT_Pos pen = 0;  // in units
        FT_UInt before = 0;
        for (const unsigned character : characters)
        {
            const FT_UInt glyph = FT_Get_Char_Index(face_, character);
            FT_Vector kerning;
            if (before != 0 && FT_HAS_KERNING(face_) &&
                FT_Get_Kerning(face_, before, glyph, FT_KERNING_DEFAULT, &kerning) == 0)
                pen += kerning.x;
            before = glyph;
            if (FT_Load_Glyph(face_, glyph, image ? FT_LOAD_RENDER : FT_LOAD_DEFAULT) != 0)
                continue;
            const FT_GlyphSlot slot = face_->glyph;
            const Point at(origin.x + static_cast<int>(pen / UNITS) + slot->bitmap_left, origin.y - slot->bitmap_top);
            if (image)
                blend(*image, slot->bitmap, at, color);
            pen += slot->advance.x;
        }
        return static_cast<int>((pen + UNITS - 1) / UNITS);
    }

private:
    static constexpr int UNITS = 64;  //!< of FreeType in a pixel
    static constexpr int DPI = 72;    //!< at which a point is a pixel

    Font(const std::string& file, FT_Face face) : file_(file), face_(face) {}

    std::string file_;
    FT_Face face_;
};

/** The fonts of the process. FreeType's objects are not made for several threads at once: whoever uses one holds the
    lock. */
class Fonts
{
public:
    static Fonts& get()
    {
        static Fonts fonts;
        return fonts;
    }
    ~Fonts()
    {
        fonts_.clear();
        if (library_)
            FT_Done_FreeType(library_);
    }

    std::mutex& mutex() { return mutex_; }

    //! The fonts to look at, the given one first; empty: the environment's one.
    void choose(const std::string& file)
    {
        const char* const variable = std::getenv(VARIABLE);
        const std::string named = !file.empty() ? file : variable ? variable : "";
        std::vector<std::unique_ptr<Font>> fonts;
        if (!named.empty() && named != NO_FONT && !add(fonts, named))
        {
            if (!file.empty())
                CV_Error_(Error::StsBadArg,
                          ("%s is no font that can be read; expected a TrueType or OpenType font with "
                           "a table of Unicode characters",
                           file.c_str()));
            CV_LOG_WARNING(NULL, VARIABLE << " is " << named << ", which is no font that can be read");
        }
        if (named != NO_FONT)
            for (const char* const usual : USUAL_FONTS)
                add(fonts, usual);
        fonts_.swap(fonts);
        chosen_ = true;
    }

    //! The first font with all characters; null: there is none.
    const Font* fontFor(const std::vector<unsigned>& characters)
    {
        if (characters.empty())
            return nullptr;
        for (const unsigned character : characters)
            if (character < 0x20 || character == 0x7f || character == 0xfffd || needsShaping(character))
                return nullptr;
        if (!chosen_)
            choose("");
        for (const std::unique_ptr<Font>& font : fonts_)
            if (font->has(characters))
                return font.get();
        return nullptr;
    }

private:
    Fonts()
    {
        if (FT_Init_FreeType(&library_) != 0)
            library_ = nullptr;
    }

    bool add(std::vector<std::unique_ptr<Font>>& fonts, const std::string& file) const
    {
        if (!library_)
            return false;
        std::unique_ptr<Font> font = Font::open(library_, file);
        if (!font)
            return false;
        fonts.push_back(std::move(font));
        return true;
    }

    std::mutex mutex_;
    FT_Library library_ = nullptr;
    std::vector<std::unique_ptr<Font>> fonts_;
    bool chosen_ = false;
};

//! Characters of a text that are drawn.
std::vector<unsigned> visibleCharacters(const std::string& text)
{
    std::vector<unsigned> characters;
    for (const unsigned character : charactersOf(text))
        if (!isInvisible(character))
            characters.push_back(character);
    return characters;
}

/** Sets a text in the first font that has its characters.
    @param image null: only the width is wanted.
    @return false if there is no such font. */
bool setInFont(const std::string& text, double fontScale, Mat* image, Point origin, const Scalar& color, int& width)
{
    // The letters of FONT_HERSHEY_SIMPLEX are 21 pixels high, those of usual fonts 0.72 of the height of the font.
    constexpr double HEIGHT = 21 / 0.72;
    const std::vector<unsigned> characters = visibleCharacters(text);
    Fonts& fonts = Fonts::get();
    const std::lock_guard<std::mutex> lock(fonts.mutex());
    const Font* const font = fonts.fontFor(characters);
    if (font)
        width = font->set(characters, fontScale * HEIGHT, image, origin, color);
    return font != nullptr;
}

#else

bool setInFont(const std::string&, double, Mat*, Point, const Scalar&, int&)
{
    return false;
}

#endif

//! ASCII for OpenCV's own fonts: '?' for each character where none can be drawn otherwise.
std::string replacement(const std::string& text)
{
    const std::string latin = inLatinLetters(text);
    return latin.empty() ? std::string(charactersOf(text).size(), '?') : latin;
}

}  // namespace

std::string drawableText(const std::string& text)
{
    int width = 0;
    return isAscii(text) || setInFont(text, 1, nullptr, Point(), Scalar(), width) ? text : inLatinLetters(text);
}

Size measureText(const String& text, double fontScale, int thickness, int* baseline)
{
    CV_CheckGT(fontScale, 0., "a text needs a size");
    int width = 0;
    if (isAscii(text) || !setInFont(text, fontScale, nullptr, Point(), Scalar(), width))
        return getTextSize(isAscii(text) ? text : replacement(text), HERSHEY, fontScale, thickness, baseline);
    // "g": in OpenCV 5 the base line is that of the letters, before it is one for all texts.
    getTextSize("g", HERSHEY, fontScale, thickness, baseline);
    int none = 0;
    return Size(width, getTextSize("A", HERSHEY, fontScale, thickness, &none).height);
}

void drawText(InputOutputArray image_, const String& text, Point origin, double fontScale, const Scalar& color,
              int thickness)
{
    Mat image = image_.getMat();
    CV_CheckDepthEQ(image.depth(), CV_8U, "texts are drawn on 8-bit images");
    CV_Assert(image.dims == 2 && image.channels() <= 4);
    CV_CheckGT(fontScale, 0., "a text needs a size");
    int width = 0;
    if (!isAscii(text) && setInFont(text, fontScale, &image, origin, color, width))
        return;
    putText(image, isAscii(text) ? text : replacement(text), origin, HERSHEY, fontScale, color, thickness, LINE_AA);
}

void setTextFont(const String& file)
{
#ifdef D2DET_HAVE_FREETYPE
    const std::lock_guard<std::mutex> lock(Fonts::get().mutex());
    Fonts::get().choose(file);
#else
    if (!file.empty() && file != NO_FONT)
        CV_Error_(
            Error::StsNotImplemented,
            ("%s cannot be used: this module was built without FreeType (package libfreetype-dev)", file.c_str()));
#endif
}

String getTextFont(const String& text)
{
#ifdef D2DET_HAVE_FREETYPE
    const std::lock_guard<std::mutex> lock(Fonts::get().mutex());
    const Font* const font = isAscii(text) ? nullptr : Fonts::get().fontFor(visibleCharacters(text));
    return font ? font->file() : String();
#else
    (void)text;
    return String();
#endif
}

}  // namespace d2det
}  // namespace cv
