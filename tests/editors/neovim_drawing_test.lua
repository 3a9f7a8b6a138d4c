-- Drawing in Neovim: options of the heat, typing, and a long file: nvim --clean --headless -l FILE FOVEA
--
-- The file is one session: the tests run in order.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

local config_file = begin()

test('invalid options are reported, and the defaults stay', function()
  local from = #notices + 1
  configure({ heat = { color = 'orange', strength = 3 }, lenses = {}, highlight = { enable = 'always' } })
  local text = noticed(from)
  for _, part in ipairs({ 'heat.color should be a color', 'heat.strength should be', 'no option lenses', 'highlight.enable should be' }) do
    assert(text:find(part, 1, true), part .. ' is missing in: ' .. text)
  end
  local options = require('fovea.config').options
  equal({ options.heat.strength, options.highlight.enable, options.lenses }, { 0.6, 'auto' }, 'options')
  configure()
  equal(require('fovea.config').problems, {}, 'problems of valid options')
end)

test('color and strength of the heat follow the options at once', function()
  vim.api.nvim_set_hl(0, 'Normal', { bg = '#000000', fg = '#ffffff' })
  vim.o.background = 'dark'
  local function strongest()
    local bg = vim.api.nvim_get_hl(0, { name = 'FoveaHeat3' }).bg
    return { bit.rshift(bg, 16), bit.band(bit.rshift(bg, 8), 255), bit.band(bg, 255) }
  end
  configure({ heat = { color = '#00ff00', strength = 0.5 } })
  local half = strongest()
  assert(half[1] == 0 and half[2] > 0 and half[3] == 0, 'another color: ' .. vim.inspect(half))
  configure({ heat = { color = '#00ff00', strength = 0.2 } })
  assert(strongest()[2] < half[2], 'the strength had no effect')
  configure({ heat = { color = '#0000ff', strength = 0.2 } })
  assert(strongest()[3] > 0 and strongest()[2] == 0, 'the color had no effect')
  configure()
end)

test('the colors follow the background, and a group of the theme is not changed', function()
  local function ground()
    local color = vim.api.nvim_get_hl(0, { name = 'FoveaHeat1' }).bg
    return bit.band(bit.rshift(color, 8), 255)
  end
  vim.cmd.colorscheme('default')
  vim.o.background = 'light'
  local light = ground()
  vim.o.background = 'dark'
  assert(light > 180 and ground() < 80, ('light %d, dark %d'):format(light, ground()))
  vim.api.nvim_set_hl(0, 'FoveaHeat3', { bg = '#0000ff' })
  vim.api.nvim_exec_autocmds('ColorScheme', {})
  equal(vim.api.nvim_get_hl(0, { name = 'FoveaHeat3' }).bg, 0x0000ff, 'a group that the theme defines')
  vim.cmd.highlight('clear FoveaHeat3')
  vim.api.nvim_exec_autocmds('ColorScheme', {})
end)

test('unchanged words keep their heat at every moment until the new heat', function()
  vim.cmd.buffer(config_file)
  complete(config_file)
  local row = find(config_file, 'fn dot_product')
  local function below()
    return vim.tbl_map(function(mark)
      return mark.text
    end, vim.tbl_filter(function(mark)
      return mark.row > find(config_file, 'fn dot_product')
    end, heat(config_file)))
  end
  local before = below()
  assert(#before > 0, 'no heat to keep')
  local count, gaps, version = #received[config_file], {}, nil
  vim.api.nvim_win_set_cursor(0, { row, 0 })
  for letter in ('// the product of the lengths and the cosine'):gmatch('.') do
    vim.api.nvim_feedkeys(letter == '/' and 'A/' or 'A' .. letter, 'x', false)
    -- Words stay marked between two keys and while answers arrive.
    vim.wait(1)
    if #below() < #before * 0.7 then
      table.insert(gaps, #below())
    end
  end
  wait('the new heat', function()
    if #below() < #before * 0.7 then
      table.insert(gaps, #below())
    end
    local all = received[config_file]
    version = all[#all].version
    return #all > count and all[#all].complete and require('fovea.versions').current(config_file, version)
  end)
  equal(gaps, {}, 'moments with less heat')
  check_drawn(config_file, complete(config_file))
end)

test('in a file of 10,000 lines the visible part is drawn at once, and soon every line', function()
  local lines = {}
  local unit = vim.list_slice(lines_of(config_file), find(config_file, 'The scalar product') + 1, find(config_file, 'fn dot_product') + 8)
  while #lines < 10000 do
    vim.list_extend(lines, unit)
  end
  vim.fn.writefile(lines, 'src/long.rs')
  local long = open('src/long.rs')
  local message = complete(long)
  assert(#message.words > 10000, 'too few words')
  wait('every mark', function()
    return #heat(long) == #message.words
  end)
  check_drawn(long, message)

  -- All levels change at once, as with another method.
  local other = vim.deepcopy(message)
  for _, word in ipairs(other.words) do
    word[4] = (word[4] + 4) % 12 + 1
  end
  vim.cmd('normal! 5000G')
  vim.cmd.redraw()
  -- Without a screen, 0.10 does not know the last line in the window.
  local first = vim.fn.line('w0') - 1
  local last = first + vim.api.nvim_win_get_height(0) - 1
  assert(first > 4000, 'the window did not scroll')
  local function on_screen(words)
    return vim.tbl_map(function(word)
      return { word[1], tone(word[4]) }
    end, vim.tbl_filter(function(word)
      return word[1] >= first and word[1] <= last
    end, words))
  end
  local function tones_on_screen()
    local drawn = vim.tbl_filter(function(mark)
      return mark.row >= first and mark.row <= last
    end, heat(long))
    return vim.tbl_map(function(mark)
      return { mark.row, (mark.group:gsub('Text', '')) }
    end, drawn)
  end
  h.handle(nil, other, { client_id = client().id, method = 'fovea/heat' })
  equal(tones_on_screen(), on_screen(other.words), 'the visible words directly after the message')
  equal(#heat(long), #message.words, 'marks meanwhile')
  -- Marks are drawn from the top, so checking the last one is enough. Checking all repeatedly would delay the drawing.
  local function last_is_drawn(words)
    local id = vim.api.nvim_get_namespaces().fovea_heat
    local last = vim.api.nvim_buf_get_extmarks(long, id, -1, 0, { limit = 1, details = true })[1]
    return last[2] == words[#words][1] and last[4].hl_group:gsub('Text', '') == tone(words[#words][4])
  end
  wait('every level', function()
    return last_is_drawn(other.words)
  end)
  check_drawn(long, other)

  -- After an edit before all slices are drawn, the next heat draws the rest.
  h.handle(nil, message, { client_id = client().id, method = 'fovea/heat' })
  local count = #received[long]
  vim.api.nvim_buf_set_lines(long, 20, 20, false, { '// the lengths are the same' })
  local new = complete(long, count)
  wait('every mark', function()
    return last_is_drawn(new.words)
  end)
  check_drawn(long, new)
  vim.bo[long].modified = false
  vim.cmd.buffer(config_file)
end)

finish()
