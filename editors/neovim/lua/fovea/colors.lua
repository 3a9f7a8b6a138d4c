--- The colors of heat: three calm tones, and for each a group that keeps words with faint colors legible.
---
--- A tone changes only the background, so syntax colors stay. `FoveaHeatText1` to `3` add a text color; heat.lua uses them for words
--- whose syntax color has too little contrast with the tone. In many themes these are comments. `FoveaAnswerText` does so for answers.
local config = require('fovea.config')

local M = {}

M.tones = 3

--- The minimum contrast of text with its background (WCAG, level AA).
M.CONTRAST = 4.5

---@param color integer 0xrrggbb
---@return integer[]
local function channels(color)
  return { math.floor(color / 0x10000) % 0x100, math.floor(color / 0x100) % 0x100, color % 0x100 }
end

---@param from integer[]
---@param to integer[]
---@param share number
---@return integer[]
local function blend(from, to, share)
  local mixed = {}
  for i = 1, 3 do
    mixed[i] = math.floor(from[i] + (to[i] - from[i]) * share + 0.5)
  end
  return mixed
end

---@param rgb integer[]
---@return string
local function hex(rgb)
  return ('#%02x%02x%02x'):format(rgb[1], rgb[2], rgb[3])
end

--- The relative luminance of a color.
---@param rgb integer[]
---@return number
local function luminance(rgb)
  local sum = 0
  for i, weight in ipairs({ 0.2126, 0.7152, 0.0722 }) do
    local value = rgb[i] / 255
    sum = sum + weight * (value <= 0.03928 and value / 12.92 or ((value + 0.055) / 1.055) ^ 2.4)
  end
  return sum
end

---@param a integer[]
---@param b integer[]
---@return number from 1 to 21
local function contrast(a, b)
  local one, other = luminance(a), luminance(b)
  return (math.max(one, other) + 0.05) / (math.min(one, other) + 0.05)
end

--- The nearest color of the 6 × 6 × 6 cube that 256-color terminals have.
---@param rgb integer[]
---@return integer
local function cube(rgb)
  local index = 16
  for i, weight in ipairs({ 36, 6, 1 }) do
    local best, distance = 0, math.huge
    for step, value in ipairs({ 0, 95, 135, 175, 215, 255 }) do
      if math.abs(rgb[i] - value) < distance then
        best, distance = step - 1, math.abs(rgb[i] - value)
      end
    end
    index = index + weight * best
  end
  return index
end

--- The tone for a level of heat, 1 to 12. The average word has level 4, a word of twice the average 8.
---@param level integer
---@return integer
function M.tone(level)
  return level <= 5 and 1 or level <= 8 and 2 or 3
end

--- The group that colors a level of heat.
---@param level integer
---@param weak? boolean the word's own color has too little contrast with the tones
---@return string
function M.group(level, weak)
  return (weak and 'FoveaHeatText' or 'FoveaHeat') .. M.tone(level)
end

---@type table<string, table>
local ours = {}

--- Sets a group, unless the user or the theme defined it.
---@param name string
---@param definition vim.api.keyset.highlight
local function set(name, definition)
  local now = vim.api.nvim_get_hl(0, { name = name })
  if next(now) == nil or vim.deep_equal(now, ours[name]) then
    vim.api.nvim_set_hl(0, name, definition)
    ours[name] = vim.api.nvim_get_hl(0, { name = name })
  end
end

--- Background and text color of Normal.
---@return integer[] ground
---@return integer[] text
local function normal()
  local dark = vim.o.background == 'dark'
  local group = vim.api.nvim_get_hl(0, { name = 'Normal', link = false })
  -- The colors of a terminal are unknown; nearly black and white are assumed.
  return channels(group.bg or (dark and 0x101010 or 0xffffff)), channels(group.fg or (dark and 0xe0e0e0 or 0x202020))
end

--- The highlight groups of code. Comments are not included: they are faint in many themes and would leave no room for a tone.
local code = { 'Identifier', 'Function', 'Statement', 'Type', 'String', 'Constant', 'PreProc', 'Special' }

--- The colors of code that are legible on the theme's own background.
---@param ground integer[]
---@return integer[][]
local function code_colors(ground)
  local found = {}
  for _, name in ipairs(code) do
    local color = vim.api.nvim_get_hl(0, { name = name, link = false }).fg
    if color and contrast(channels(color), ground) >= M.CONTRAST then
      table.insert(found, channels(color))
    end
  end
  return found
end

--- A background blended toward `color` by `share`, or less if text or code would become hard to read.
---
--- Normal text always has the minimum contrast. For code, the tone loses at most about a third of its strength, so that it stays visible.
---@param ground integer[]
---@param color integer[]
---@param share number
---@param text integer[]
---@return integer[]
local function tint(ground, color, share, text)
  local least, texts = share * 0.65, code_colors(ground)
  local function is_hard(rgb)
    -- Slightly more than the minimum, because of rounding.
    if contrast(text, rgb) < M.CONTRAST + 0.1 then
      return true
    end
    return share > least and vim.iter(texts):any(function(one)
      return contrast(one, rgb) < M.CONTRAST + 0.1
    end)
  end
  local rgb = blend(ground, color, share)
  while share > 0.02 and is_hard(rgb) do
    share = share * 0.94
    rgb = blend(ground, color, share)
  end
  return rgb
end

--- `text` if it is legible on `ground`, otherwise black or white.
---@param text integer[]
---@param ground integer[]
---@return integer[]
local function legible(text, ground)
  if contrast(text, ground) >= M.CONTRAST then
    return text
  end
  local black, white = { 0, 0, 0 }, { 255, 255, 255 }
  return contrast(black, ground) > contrast(white, ground) and black or white
end

---@type table<string, table<string, boolean>> by group and the group below, for the colors in use
local weak = {}

--- Whether text of a highlight group would be hard to read on the background of another group.
---@param name string
---@param below string
---@return boolean
function M.is_weak(name, below)
  weak[name] = weak[name] or {}
  if weak[name][below] == nil then
    local group = vim.api.nvim_get_hl(0, { name = name, link = false })
    local text = group.reverse and group.bg or group.fg
    local ground = vim.api.nvim_get_hl(0, { name = below, link = false }).bg
    weak[name][below] = text ~= nil and ground ~= nil and contrast(channels(text), channels(ground)) < M.CONTRAST
  end
  return weak[name][below]
end

--- Computes the groups again for the current colors.
function M.define()
  local dark = vim.o.background == 'dark'
  local ground, text = normal()
  local heat = config.options.heat
  local wanted = heat.color or (dark and '#5aa7c8' or '#3d9bc4')
  local color = channels(tonumber(wanted:sub(2), 16))
  for tone = 1, M.tones do
    local rgb = tint(ground, color, heat.strength * ({ 0.22, 0.4, 0.6 })[tone], text)
    local readable = legible(text, rgb)
    local bg, cterm = hex(rgb), cube(rgb)
    -- If normal text is not legible, the tone always needs a text color.
    local plain = { bg = bg, ctermbg = cterm }
    if readable ~= text then
      plain.fg, plain.ctermfg = hex(readable), cube(readable)
    end
    set('FoveaHeat' .. tone, plain)
    set('FoveaHeatText' .. tone, { bg = bg, fg = hex(readable), ctermbg = cterm, ctermfg = cube(readable) })
  end
  -- Words that the word at the cursor draws on have another calm color, so that they look different from heat and occurrences.
  local violet = channels(dark and 0x9a86d6 or 0x8a76d0)
  for strength, name in ipairs({ 'FoveaDrawsWeak', 'FoveaDrawsMiddle', 'FoveaDrawsStrong' }) do
    local rgb = tint(ground, violet, ({ 0.22, 0.36, 0.52 })[strength], text)
    local readable = legible(text, rgb)
    set(name, { bg = hex(rgb), fg = hex(readable), ctermbg = cube(rgb), ctermfg = cube(readable) })
  end
  -- Text that the model cannot read is dimmed; a color would suggest that its scores have a meaning.
  set('FoveaUnread', { link = 'DiagnosticUnnecessary' })
  -- In a comparison: the word at the cursor, and its strongest partner. An underline would hide underscores.
  local focus = tint(ground, violet, 0.6, text)
  set('FoveaFocus', { bold = true, bg = hex(focus), fg = hex(legible(text, focus)), cterm = { bold = true, reverse = true } })
  -- An answer, and its most important words.
  local answer, carrying = tint(ground, violet, 0.22, text), tint(ground, violet, 0.52, text)
  local readable = legible(text, answer)
  set('FoveaAnswer', { bg = hex(answer), ctermbg = cube(answer) })
  set('FoveaAnswerText', { bg = hex(answer), fg = hex(readable), ctermbg = cube(answer), ctermfg = cube(readable) })
  set('FoveaAnswerWord', { bold = true, bg = hex(carrying), fg = hex(legible(text, carrying)), cterm = { bold = true, reverse = true } })
  weak = {}
end

local group = vim.api.nvim_create_augroup('fovea_colors', {})
local function changed()
  M.define()
  require('fovea.heat').redraw()
end
vim.api.nvim_create_autocmd('ColorScheme', { group = group, callback = changed })
vim.api.nvim_create_autocmd('OptionSet', { group = group, pattern = 'background', callback = changed })
M.define()

return M
