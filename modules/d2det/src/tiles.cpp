// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Tiles of large images, and the detections of all parts as those of the image.

   Two boxes A and B of one class, seen in parts P and Q, are one object if they agree where both parts look,
   R = intersection of P and Q: IoU(A and R, B and R) >= threshold. So a box that Q cuts at its border agrees with the
   entire one of P although the IoU of the two is low, and neighbors that only touch do not agree.

   A box is "cut" if it reaches a border of its part that is inside the image. Boxes are taken in this order: entire
   ones by score, then cut ones by score.
     entire, agrees with a taken entire one   -> the same object, dropped
     cut, agrees with a taken entire one      -> the same object, dropped; also if it lies inside of it (a sliver at a
                                                 border has a box that fits only a part of the object)
     cut, agrees with taken cut ones          -> pieces of one object: one box around all, union of masks, best score
   The taken pieces of an object keep their own boxes and parts, since a third piece need not agree with their union. */

#include "tiles.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cv
{
namespace d2det
{

namespace
{

constexpr double CUT_MARGIN = 1. / 32;  //!< of a part's side: regressed boxes of cut objects end near its border
constexpr double INSIDE = 0.7;          //!< share of a cut box in an entire one from which it is a sliver of it

//! A detection in pixels of the image.
struct Piece
{
    int part;
    Rect2d box;
    float score, classId, maskScore;
    bool cut;
    const BoxMask* mask;  //!< in pixels of the part; null: none
};

//! A taken detection; several pieces only of an object that is cut in all parts.
struct Object
{
    std::vector<Piece> pieces;
};

//! Positions of tiles along a side: equal distances, the last one ends at the end.
std::vector<int> positions(int side, int tile, double overlap)
{
    if (side <= tile)
        return {0};
    const double step = std::max(tile * (1 - overlap), 1.);
    const int count = cvCeil((side - tile) / step) + 1;
    std::vector<int> result;
    result.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; i++)
        result.push_back(cvRound(double(side - tile) * i / (count - 1)));
    return result;
}

double intersectionOf(const Rect2d& a, const Rect2d& b)
{
    return (a & b).area();
}

//! Whether two pieces of one class from different parts are one object: their agreement where both parts look.
bool agree(const Piece& a, const Piece& b, const std::vector<Rect>& parts, double threshold)
{
    if (a.part == b.part || a.classId != b.classId)
        return false;
    const Rect2d common(parts[a.part] & parts[b.part]);
    const Rect2d inA = a.box & common, inB = b.box & common;
    const double shared = intersectionOf(inA, inB);
    return shared > 0 && shared >= threshold * (inA.area() + inB.area() - shared);
}

bool isSliverOf(const Piece& cut, const Piece& entire)
{
    return cut.part != entire.part && cut.classId == entire.classId &&
           intersectionOf(cut.box, entire.box) >= INSIDE * cut.box.area();
}

std::vector<Piece> readPieces(const std::vector<Rect>& parts, const std::vector<ImageDetections>& found, Size image)
{
    std::vector<Piece> pieces;
    for (int p = 0; p < static_cast<int>(parts.size()); p++)
    {
        const Rect& part = parts[p];
        const double marginX = part.width * CUT_MARGIN, marginY = part.height * CUT_MARGIN;
        for (int i = 0; i < found[p].detections.rows; i++)
        {
            const float* d = found[p].detections.ptr<float>(i);
            Piece piece;
            piece.part = p;
            piece.box = Rect2d(double(d[0]) + part.x, double(d[1]) + part.y, double(d[2]) - d[0], double(d[3]) - d[1]);
            piece.score = d[4];
            piece.classId = d[5];
            piece.cut = (part.x > 0 && d[0] < marginX) || (part.y > 0 && d[1] < marginY) ||
                        (part.br().x < image.width && d[2] > part.width - marginX) ||
                        (part.br().y < image.height && d[3] > part.height - marginY);
            piece.mask = found[p].masks.empty() ? nullptr : &found[p].masks[i];
            piece.maskScore = found[p].maskScores.empty() ? d[4] : found[p].maskScores[i];
            pieces.push_back(piece);
        }
    }
    // Stable: the order of the parts decides between equal scores.
    std::stable_sort(pieces.begin(), pieces.end(),
                     [](const Piece& a, const Piece& b) { return a.cut != b.cut ? !a.cut : a.score > b.score; });
    return pieces;
}

//! Union of the masks of the pieces in pixels of the image.
BoxMask unite(const std::vector<Piece>& pieces, const std::vector<Rect>& parts, Size image)
{
    BoxMask result;
    result.imageSize = image;
    for (const Piece& piece : pieces)
        if (piece.mask && !piece.mask->mask.empty())
            result.roi |= piece.mask->roi + parts[piece.part].tl();
    if (result.roi.empty())
        return result;
    result.mask = Mat::zeros(result.roi.size(), CV_8UC1);
    for (const Piece& piece : pieces)
        if (piece.mask && !piece.mask->mask.empty())
        {
            const Rect place = piece.mask->roi + parts[piece.part].tl() - result.roi.tl();
            result.mask(place).setTo(255, piece.mask->mask);
        }
    return result;
}

//! Adds a piece to the objects, or drops it.
void take(std::vector<Object>& objects, const Piece& piece, const std::vector<Rect>& parts, double threshold)
{
    Object joined;
    joined.pieces.push_back(piece);
    std::vector<size_t> partners;
    for (size_t i = 0; i < objects.size(); i++)
    {
        const std::vector<Piece>& taken = objects[i].pieces;
        if (!taken.front().cut)
        {
            if (agree(piece, taken.front(), parts, threshold) || (piece.cut && isSliverOf(piece, taken.front())))
                return;
        }
        else if (std::any_of(taken.begin(), taken.end(),
                             [&](const Piece& other) { return agree(piece, other, parts, threshold); }))
            partners.push_back(i);
    }
    for (auto i = partners.rbegin(); i != partners.rend(); i++)
    {
        const std::vector<Piece>& more = objects[*i].pieces;
        joined.pieces.insert(joined.pieces.end(), more.begin(), more.end());
        objects.erase(objects.begin() + static_cast<std::ptrdiff_t>(*i));
    }
    objects.push_back(joined);
}

//! Rows in descending order of scores, with their masks.
ImageDetections rowsOf(const ImageDetections& all, const std::vector<int>& order)
{
    ImageDetections result;
    result.detections.create(static_cast<int>(order.size()), 6, CV_32F);
    for (size_t i = 0; i < order.size(); i++)
    {
        all.detections.row(order[i]).copyTo(result.detections.row(static_cast<int>(i)));
        if (!all.masks.empty())
            result.masks.push_back(all.masks[order[i]]);
        if (!all.maskScores.empty())
            result.maskScores.push_back(all.maskScores[order[i]]);
        if (!all.rows.empty())
            result.rows.push_back(all.rows[order[i]]);
    }
    return result;
}

}  // namespace

void checkTileParams(const TileParams& params)
{
    if (params.size != 0 && (params.size < 32 || params.size > 16384))
        CV_Error_(Error::StsOutOfRange,
                  ("the side of a tile is %d pixels, it must be 32 to 16384, or 0 for none", params.size));
    if (!(params.overlap >= 0 && params.overlap <= 0.9))
        CV_Error_(Error::StsOutOfRange, ("the overlap of tiles is %g, it must be 0 to 0.9", params.overlap));
    if (!(params.mergeThreshold >= 0.1 && params.mergeThreshold <= 1))
        CV_Error_(Error::StsOutOfRange,
                  ("the merge threshold of tiles is %g, it must be 0.1 to 1", params.mergeThreshold));
}

std::vector<Rect> calculateTiles(Size image, const TileParams& params)
{
    checkTileParams(params);
    if (params.size == 0 || (image.width <= params.size && image.height <= params.size))
        return {Rect(Point(), image)};
    std::vector<Rect> tiles;
    for (const int y : positions(image.height, params.size, params.overlap))
        for (const int x : positions(image.width, params.size, params.overlap))
            tiles.push_back(Rect(x, y, params.size, params.size) & Rect(Point(), image));
    return tiles;
}

std::vector<Rect> partsOfImage(Size image, const TileParams& params)
{
    std::vector<Rect> parts = calculateTiles(image, params);
    if (parts.size() > 1 && params.wholeImage)
        parts.insert(parts.begin(), Rect(Point(), image));
    return parts;
}

ImageDetections mergeParts(const std::vector<Rect>& parts, const std::vector<ImageDetections>& found, Size image,
                           double mergeThreshold)
{
    std::vector<Object> objects;
    bool withMasks = false;
    for (const Piece& piece : readPieces(parts, found, image))
    {
        withMasks = withMasks || piece.mask;
        take(objects, piece, parts, mergeThreshold);
    }
    ImageDetections all;
    all.detections.create(static_cast<int>(objects.size()), 6, CV_32F);
    for (size_t i = 0; i < objects.size(); i++)
    {
        const std::vector<Piece>& pieces = objects[i].pieces;
        Rect2d box = pieces.front().box;
        float score = 0, maskScore = 0;
        for (const Piece& piece : pieces)
        {
            box |= piece.box;
            score = std::max(score, piece.score);
            maskScore = std::max(maskScore, piece.maskScore);
        }
        float* row = all.detections.ptr<float>(static_cast<int>(i));
        row[0] = static_cast<float>(box.x);
        row[1] = static_cast<float>(box.y);
        row[2] = static_cast<float>(box.br().x);
        row[3] = static_cast<float>(box.br().y);
        row[4] = score;
        row[5] = pieces.front().classId;
        if (withMasks)
        {
            all.masks.push_back(unite(pieces, parts, image));
            all.maskScores.push_back(maskScore);
        }
    }
    std::vector<int> order(objects.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return all.detections.at<float>(a, 4) > all.detections.at<float>(b, 4); });
    return rowsOf(all, order);
}

ImageDetections suppressOtherClasses(const ImageDetections& found, double threshold)
{
    std::vector<Rect2d> boxes;
    std::vector<int> kept;
    for (int i = 0; i < found.detections.rows; i++)
    {
        const float* d = found.detections.ptr<float>(i);
        boxes.emplace_back(d[0], d[1], double(d[2]) - d[0], double(d[3]) - d[1]);
        const bool free = std::all_of(kept.begin(), kept.end(),
                                      [&](int k)
                                      {
                                          const double shared = intersectionOf(boxes[k], boxes[i]);
                                          return shared <= threshold * (boxes[k].area() + boxes[i].area() - shared);
                                      });
        if (free)
            kept.push_back(i);
    }
    return rowsOf(found, kept);
}

}  // namespace d2det
}  // namespace cv
