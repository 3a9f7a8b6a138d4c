--- The windows of a comparison: a header, and both passages side by side.
local contrast = require('fovea.contrast')
local header = require('fovea.compare.header')
local partners = require('fovea.compare.partners')
local words = require('fovea.compare.words')

local M = {}

--- The open comparisons, by each of their buffers.
---@type table<integer, fovea.Comparison>
local open = {}

--- The argument of `fovea.trust` for the comparison that a buffer shows.
---@param bufnr integer
---@return table?
function M.asked(bufnr)
  local view = open[bufnr == 0 and vim.api.nvim_get_current_buf() or bufnr]
  return view and { a = words.argument(view.sides[1].passage), b = words.argument(view.sides[2].passage) }
end

---@param view fovea.Comparison
local function close(view)
  if view.closed then
    return
  end
  view.closed = true
  if view.pending then
    view.pending()
  end
  if vim.api.nvim_win_is_valid(view.origin) then
    vim.api.nvim_set_current_win(view.origin)
  end
  for _, bufnr in ipairs({ view.header, view.sides[1].bufnr, view.sides[2].bufnr }) do
    open[bufnr] = nil
    if vim.api.nvim_buf_is_valid(bufnr) then
      vim.api.nvim_buf_delete(bufnr, { force = true })
    end
  end
end

---@param lines string[]
---@return integer
function M.scratch(lines)
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].modifiable = false
  return bufnr
end

---@param window integer
---@param options table<string, any>
local function dress(window, options)
  local all = {
    wrap = false,
    number = false,
    relativenumber = false,
    signcolumn = 'no',
    foldenable = false,
    cursorline = false,
    list = false,
    spell = false,
    scrollbind = false,
    cursorbind = false,
    fillchars = 'eob: ',
  }
  for name, value in pairs(vim.tbl_extend('force', all, options)) do
    vim.api.nvim_set_option_value(name, value, { win = window, scope = 'local' })
  end
end

--- Sets the editor's syntax colors of the language without its autocommands, so that nothing else attaches here.
---@param side fovea.Side
local function highlight_syntax(side)
  local name = side.passage.filetype
  if name == '' then
    return
  end
  local language = vim.treesitter.language.get_lang(name) or name
  if not (pcall(vim.treesitter.query.get, language, 'highlights') and pcall(vim.treesitter.start, side.bufnr, language)) then
    vim.bo[side.bufnr].syntax = name
  end
  side.is_weak = contrast.of(side.bufnr, 0, #side.passage.text)
end

---@param view fovea.Comparison
---@param number integer
---@param window integer
local function show_side(view, number, window)
  local side = view.sides[number]
  side.window = window
  vim.api.nvim_win_set_buf(window, side.bufnr)
  local title = header.title(side.passage, vim.api.nvim_win_get_width(window) - 2)
  dress(window, {
    winbar = ' ' .. title:gsub('%%', '%%%%'),
    statusline = number == 1 and ' Fovea: why these two are similar' or '%= <Tab> other side · <CR> open · d details · q close ',
    -- Lines have the numbers of the file.
    statuscolumn = (" %%=%%{v:virtnum == 0 ? v:lnum + %d : ''} "):format(side.passage.row),
    number = true,
  })
  highlight_syntax(side)
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'BufEnter' }, {
    buffer = side.bufnr,
    callback = function()
      if not view.closed and vim.api.nvim_get_current_win() == side.window then
        partners.follow(view, number)
      end
    end,
  })
  vim.keymap.set('n', '<CR>', function()
    local row = side.passage.row + vim.api.nvim_win_get_cursor(side.window)[1] - 1
    close(view)
    local start = { line = row, character = 0 }
    vim.lsp.util.show_document({ uri = side.passage.uri, range = { start = start, ['end'] = start } }, 'utf-8', { focus = true })
  end, { buffer = side.bufnr, desc = 'Fovea: open this passage' })
  vim.keymap.set('n', '<Tab>', function()
    local other = view.sides[3 - number]
    vim.api.nvim_set_current_win(other.window)
    -- The cursor goes to the strongest partner.
    for _, extmark in ipairs(vim.api.nvim_buf_get_extmarks(other.bufnr, words.namespace, 0, -1, { details = true })) do
      if extmark[4].hl_group == 'FoveaFocus' then
        vim.api.nvim_win_set_cursor(other.window, { extmark[2] + 1, extmark[3] })
        break
      end
    end
  end, { buffer = side.bufnr, desc = 'Fovea: the other side' })
end

--- Shows a comparison in a new tab page; `q` closes it.
---@param answer table the JSON of `fovea compare`, with places inside the passages
---@param left fovea.Passage
---@param right fovea.Passage
---@return fovea.Comparison
function M.open(answer, left, right)
  ---@type fovea.Comparison
  local view = {
    answer = answer,
    rows = {},
    message = 'Move onto a word to see its partners.',
    details = false,
    origin = vim.api.nvim_get_current_win(),
    header = M.scratch({}),
    top = 0,
    sides = {
      { passage = left, words = words.placed(answer.a.words, left), bufnr = M.scratch(left.text), window = 0 },
      { passage = right, words = words.placed(answer.b.words, right), bufnr = M.scratch(right.text), window = 0 },
    },
  }
  vim.cmd('tab split')
  view.top = vim.api.nvim_get_current_win()
  vim.api.nvim_win_set_buf(view.top, view.header)
  dress(view.top, { winfixheight = true, winbar = '', statusline = ' ', wrap = true, linebreak = true })
  local first = vim.api.nvim_open_win(view.sides[1].bufnr, true, { split = 'below', win = view.top })
  local beside = vim.o.columns >= 80
  local second = vim.api.nvim_open_win(view.sides[2].bufnr, false, { split = beside and 'right' or 'below', win = first })
  partners.write_header(view)
  show_side(view, 1, first)
  show_side(view, 2, second)
  local function toggle_details()
    view.details = not view.details
    partners.write_header(view)
    for number, side in ipairs(view.sides) do
      if vim.api.nvim_get_current_win() == side.window then
        partners.follow(view, number)
      end
    end
  end
  for _, bufnr in ipairs({ view.header, view.sides[1].bufnr, view.sides[2].bufnr }) do
    vim.keymap.set('n', 'q', function()
      close(view)
    end, { buffer = bufnr, nowait = true, desc = 'Fovea: close the comparison' })
    vim.keymap.set('n', 'd', toggle_details, { buffer = bufnr, nowait = true, desc = 'Fovea: show or hide the numbers' })
    vim.keymap.set('n', 't', function()
      require('fovea.trust').run()
    end, { buffer = bufnr, nowait = true, desc = 'Fovea: whether the comparison can be trusted' })
    open[bufnr] = view
    -- The windows are useful only together, so closing one closes all.
    vim.api.nvim_create_autocmd('BufWinLeave', {
      buffer = bufnr,
      callback = vim.schedule_wrap(function()
        close(view)
      end),
    })
  end
  vim.keymap.set('n', '<CR>', toggle_details, { buffer = view.header, desc = 'Fovea: show or hide the numbers' })
  local word = words.first_word(view)
  if word then
    vim.api.nvim_win_set_cursor(first, { word.row + 1, word.from })
  end
  vim.api.nvim_set_current_win(first)
  words.paint(view.sides[1], words.telling(view, 1))
  words.paint(view.sides[2], words.telling(view, 2))
  partners.follow(view, 1)
  return view
end

return M
